#include "image/ext4/ext4_writer.hh"

#include <linux/types.h>
// After the types that it needs.
#include <ext2fs/ext3_extents.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "image/disk/byte_size.hh"
#include "image/ext4/ext4_blocks.hh"
#include "image/ext4/ext4_directory.hh"
#include "image/ext4/ext4_format.hh"
#include "ostree/objects/object_format.hh"

namespace osb::image {
namespace {

constexpr std::size_t kInodeBytes = 256;
constexpr std::size_t kFastSymlink = 60;   // a shorter target lies in the inode itself
constexpr std::size_t kInlineExtents = 4;  // extents that fit into an inode
constexpr std::uint32_t kLostAndFoundBlocks = 4;
constexpr std::uint32_t kMaxLinks = 65000;  // EXT2_LINK_MAX

// An inode in its on-disk layout, in the byte order of this machine.
union RawInode {
    ext2_inode_large large;
    std::array<std::uint8_t, kInodeBytes> bytes{};
};

std::uint16_t file_type(InodeKind kind) {
    switch (kind) {
        case InodeKind::file:
            return LINUX_S_IFREG;
        case InodeKind::symlink:
            return LINUX_S_IFLNK;
        case InodeKind::directory:
            break;
    }
    return LINUX_S_IFDIR;
}

std::uint64_t blocks_for(std::uint64_t bytes) {
    return (bytes + kBlockSize - 1) / kBlockSize;
}

void check_time(std::int64_t seconds) {
    if (seconds >= kFirstExt4Time && seconds <= kLastExt4Time) return;
    throw Error(ErrorKind::invalid, concat("ext4 cannot store the time ", seconds, " s since 1970"));
}

// Seconds beyond 2038 take two bits of the field for nanoseconds.
std::uint32_t extra_epoch(std::int64_t seconds) {
    return static_cast<std::uint32_t>(((seconds - static_cast<std::int32_t>(seconds)) >> 32) & 3);
}

}  // namespace

std::uint64_t ext4_content_size(const FileTree& tree) {
    std::uint64_t blocks = 0;
    for (const Inode& inode : tree.inodes()) {
        if (inode.kind == InodeKind::directory) {
            blocks += directory_blocks_at_most(inode);
        } else if (inode.kind == InodeKind::file || inode.content.size >= kFastSymlink) {
            // Each 128 MiB may need another extent, and each block of extents holds 340 of them.
            const std::uint64_t data = blocks_for(inode.content.size);
            blocks += data + (data > (kInlineExtents - 1) * 32768 ? 2 + data / 32768 / 340 : 0);
        }
        if (!inode.attributes.xattrs.empty()) ++blocks;
    }
    return blocks * kBlockSize;
}

std::uint64_t ext4_size_for(const FileTree& tree, std::uint64_t spare) {
    const std::uint64_t blocks =
        blocks_for(spare) + kLostAndFoundBlocks + ext4_content_size(tree) / kBlockSize;
    // Inode tables, journal, bitmaps and copies of the group descriptors depend on the size themselves.
    std::uint64_t size = blocks * kBlockSize;
    constexpr int kRounds = 4;
    for (int i = 0; i < kRounds; ++i) {
        constexpr std::uint64_t kGroup = 8ULL * kBlockSize * kBlockSize;
        constexpr std::uint64_t kCopiedBlocks = 1100;  // superblock, descriptors and those kept for growth
        const std::uint64_t groups = size / kGroup + 1;
        std::uint64_t copies = 2;  // groups 0 and 1 and the powers of 3, 5 and 7
        for (const std::uint64_t base : {3U, 5U, 7U}) {
            for (std::uint64_t power = base; power < groups; power *= base) ++copies;
        }
        const std::uint64_t inodes = inode_count(size, tree.inodes().size());
        const std::uint64_t tables = blocks_for(inodes * kInodeBytes) + groups * 3;
        size = (blocks + tables + journal_blocks(size) + copies * kCopiedBlocks) * kBlockSize;
    }
    return (size + kMebibyte) / kMebibyte * kMebibyte;
}

struct Ext4Writer::Impl {
    Impl(const DiskArea& a, const FileTree& t, const Ext4Options& o)
        : area(a),
          tree(t),
          options(o),
          fs((check_time(o.time), format_ext4(a, t.inodes().size() + kFirstInode, o))),
          blocks(fs.get()),
          runs(t.inodes().size()) {}

    const DiskArea& area;
    const FileTree& tree;
    Ext4Options options;
    Ext4Ptr fs;
    Ext4Blocks blocks;
    std::vector<Extent> extents;
    // The position of the extents of an inode.
    struct Run {
        std::uint32_t first = 0;
        std::uint32_t count = 0;
    };
    std::vector<Run> runs;

    // The root has a fixed number. lost+found, which is not in the tree, has the first of the others.
    static ext2_ino_t number(InodeId id) { return id == 0 ? EXT2_ROOT_INO : kFirstInode + id; }

    void allocate_inodes() {
        const std::uint64_t highest = kFirstInode + tree.inodes().size() - 1;
        if (highest > fs->super->s_inodes_count) {
            throw Error(ErrorKind::no_space, concat(area.name(), " has too few inodes"));
        }
        ext2fs_inode_alloc_stats2(fs.get(), kFirstInode, +1, 1);
        for (InodeId id = 1; id < tree.inodes().size(); ++id) {
            if (tree.inode(id).links == 0) continue;
            const bool is_directory = tree.inode(id).kind == InodeKind::directory;
            ext2fs_inode_alloc_stats2(fs.get(), number(id), +1, is_directory ? 1 : 0);
        }
    }

    Run allocate(std::uint64_t count) {
        const auto first = static_cast<std::uint32_t>(extents.size());
        blocks.allocate(count, extents);
        return {first, static_cast<std::uint32_t>(extents.size()) - first};
    }

    void fill_common(ext2_inode_large& raw, const Attributes& attributes, InodeKind kind,
                     std::uint32_t links) const {
        raw.i_mode = static_cast<std::uint16_t>(file_type(kind) | (attributes.mode & 07777U));
        raw.i_uid = static_cast<std::uint16_t>(attributes.uid & 0xFFFFU);
        raw.i_uid_high = static_cast<std::uint16_t>(attributes.uid >> 16U);
        raw.i_gid = static_cast<std::uint16_t>(attributes.gid & 0xFFFFU);
        raw.i_gid_high = static_cast<std::uint16_t>(attributes.gid >> 16U);
        if (links > kMaxLinks && kind != InodeKind::directory) {
            throw Error(ErrorKind::too_large,
                        concat("a file has ", links, " names; the limit of ext4 is ", kMaxLinks));
        }
        // A directory with more subdirectories has a link count of 1 (feature dir_nlink).
        raw.i_links_count = static_cast<std::uint16_t>(links >= kMaxLinks ? 1 : links);
        check_time(attributes.mtime);
        const auto now = static_cast<std::uint32_t>(options.time);
        raw.i_atime = raw.i_ctime = raw.i_crtime = now;
        raw.i_mtime = static_cast<std::uint32_t>(attributes.mtime);
        raw.i_atime_extra = raw.i_ctime_extra = raw.i_crtime_extra = extra_epoch(options.time);
        raw.i_mtime_extra = extra_epoch(attributes.mtime);
        raw.i_extra_isize = sizeof(ext2_inode_large) - EXT2_GOOD_OLD_INODE_SIZE;
        if (attributes.immutable) raw.i_flags |= EXT2_IMMUTABLE_FL;
    }

    static void set_size(ext2_inode_large& raw, std::uint64_t size) {
        raw.i_size = static_cast<std::uint32_t>(size);
        raw.i_size_high = static_cast<std::uint32_t>(size >> 32U);
    }

    // The common case, without libext2fs: all extents are in the inode.
    void put_inline_extents(ext2_inode_large& raw, Run run) const {
        std::array<std::uint8_t, sizeof raw.i_block> area_bytes{};
        ext3_extent_header header{};
        header.eh_magic = ext2fs_cpu_to_le16(EXT3_EXT_MAGIC);
        header.eh_entries = ext2fs_cpu_to_le16(static_cast<std::uint16_t>(run.count));
        header.eh_max = ext2fs_cpu_to_le16(kInlineExtents);
        std::memcpy(area_bytes.data(), &header, sizeof header);
        for (std::uint32_t i = 0; i < run.count; ++i) {
            const Extent& extent = extents[run.first + i];
            ext3_extent entry{};
            entry.ee_block = ext2fs_cpu_to_le32(static_cast<std::uint32_t>(extent.file_block));
            entry.ee_len = ext2fs_cpu_to_le16(static_cast<std::uint16_t>(extent.blocks));
            entry.ee_start = ext2fs_cpu_to_le32(static_cast<std::uint32_t>(extent.disk_block));
            entry.ee_start_hi = ext2fs_cpu_to_le16(static_cast<std::uint16_t>(extent.disk_block >> 32U));
            std::memcpy(area_bytes.data() + sizeof header + i * sizeof entry, &entry, sizeof entry);
        }
        std::memcpy(raw.i_block, area_bytes.data(), area_bytes.size());
    }

    // More extents need blocks of their own, which libext2fs creates.
    void insert_extents(ext2_inode_large& raw, ext2_ino_t ino, Run run) {
        ext2_extent_handle_t handle = nullptr;
        check_ext4(ext2fs_extent_open2(fs.get(), ino, reinterpret_cast<ext2_inode*>(&raw), &handle),
                   "cannot map a file");
        const std::unique_ptr<ext2_extent_handle, void (*)(ext2_extent_handle_t)> owned(handle,
                                                                                        ext2fs_extent_free);
        for (std::uint32_t i = 0; i < run.count; ++i) {
            const Extent& from = extents[run.first + i];
            ext2fs_extent extent{};
            extent.e_lblk = from.file_block;
            extent.e_pblk = from.disk_block;
            extent.e_len = static_cast<__u32>(from.blocks);
            check_ext4(ext2fs_extent_insert(handle, i == 0 ? 0 : EXT2_EXTENT_INSERT_AFTER, &extent),
                       "cannot map a file");
            check_ext4(ext2fs_extent_fix_parents(handle), "cannot map a file");
        }
    }

    void put_extents(ext2_inode_large& raw, ext2_ino_t ino, Run run) {
        raw.i_flags |= EXT4_EXTENTS_FL;
        std::uint64_t count = 0;
        for (std::uint32_t i = 0; i < run.count; ++i) count += extents[run.first + i].blocks;
        const std::uint64_t sectors = count * (kBlockSize / 512);
        raw.i_blocks = static_cast<std::uint32_t>(sectors);
        raw.osd2.linux2.l_i_blocks_hi = static_cast<std::uint16_t>(sectors >> 32U);
        if (run.count <= kInlineExtents) {
            put_inline_extents(raw, run);
        } else {
            insert_extents(raw, ino, run);
        }
    }

    void put_inode(ext2_ino_t ino, RawInode& raw, const Attributes& attributes) {
        check_ext4(ext2fs_write_inode_full(fs.get(), ino, reinterpret_cast<ext2_inode*>(&raw), kInodeBytes),
                   "cannot write an inode");
        if (attributes.xattrs.empty()) return;
        ext2_xattr_handle* handle = nullptr;
        check_ext4(ext2fs_xattrs_open(fs.get(), ino, &handle), "cannot set extended attributes");
        const auto close = [](ext2_xattr_handle* h) { ext2fs_xattrs_close(&h); };
        const std::unique_ptr<ext2_xattr_handle, decltype(close)> owned(handle, close);
        for (const auto& [name, value] : ostree::parse_xattrs(attributes.xattrs)) {
            // This stores the attributes at once.
            check_ext4(ext2fs_xattr_set(handle, name.c_str(), value.data(), value.size()),
                       concat("cannot set the extended attribute ", quoted(name)));
        }
    }

    void write_directory_blocks(ext2_ino_t ino, const std::vector<DirectoryBlock>& content, Run run) {
        std::size_t next = 0;
        for (std::uint32_t i = 0; i < run.count; ++i) {
            const Extent& extent = extents[run.first + i];
            for (std::uint64_t b = 0; b < extent.blocks; ++b) {
                DirectoryBlock block = content[next++];
                check_ext4(ext2fs_write_dir_block4(fs.get(), extent.disk_block + b, block.data(), 0, ino),
                           "cannot write a directory");
            }
        }
    }

    void put_directory(ext2_ino_t ino, const Attributes& attributes, std::uint32_t links,
                       const std::vector<DirectoryEntry>& entries, std::size_t least_blocks) {
        const PackedDirectory packed = pack_directory(fs.get(), entries, least_blocks);
        const Run run = allocate(packed.blocks.size());
        RawInode raw;
        fill_common(raw.large, attributes, InodeKind::directory, links);
        if (packed.is_indexed) raw.large.i_flags |= EXT2_INDEX_FL;
        set_size(raw.large, packed.blocks.size() * kBlockSize);
        put_extents(raw.large, ino, run);
        put_inode(ino, raw, attributes);
        write_directory_blocks(ino, packed.blocks, run);
    }

    void write_directories() {
        std::vector<ext2_ino_t> parents(tree.inodes().size(), EXT2_ROOT_INO);
        for (InodeId id = 0; id < tree.inodes().size(); ++id) {
            if (tree.inode(id).kind != InodeKind::directory) continue;
            for (const auto& [name, child] : tree.inode(id).children) {
                if (tree.inode(child).kind == InodeKind::directory) parents[child] = number(id);
            }
        }
        std::vector<DirectoryEntry> entries;
        for (InodeId id = 0; id < tree.inodes().size(); ++id) {
            const Inode& inode = tree.inode(id);
            if (inode.kind != InodeKind::directory) continue;
            check_interrupt();
            entries.clear();
            entries.push_back({".", number(id), InodeKind::directory});
            entries.push_back({"..", parents[id], InodeKind::directory});
            if (id == 0) entries.push_back({"lost+found", kFirstInode, InodeKind::directory});
            for (const auto& [name, child] : inode.children) {
                entries.push_back({name, number(child), tree.inode(child).kind});
            }
            const std::uint32_t links = inode.links + (id == 0 ? 1 : 0);
            put_directory(number(id), inode.attributes, links, entries, 1);
        }
        // Reserve blocks for e2fsck, which may not be able to allocate any later.
        put_directory(kFirstInode, {.mode = 0700, .mtime = options.time}, 2,
                      {{".", kFirstInode, InodeKind::directory}, {"..", EXT2_ROOT_INO, InodeKind::directory}},
                      kLostAndFoundBlocks);
    }

    void put_symlink(InodeId id, const Inode& inode, RawInode& raw) {
        const std::string& target = inode.content.bytes;
        set_size(raw.large, target.size());
        if (target.size() < kFastSymlink) {
            std::memcpy(raw.large.i_block, target.data(), target.size());
            return;
        }
        runs[id] = allocate(1);
        put_extents(raw.large, number(id), runs[id]);
        std::vector<std::uint8_t> block(kBlockSize);
        std::copy(target.begin(), target.end(), block.begin());
        area.write(extents[runs[id].first].disk_block * kBlockSize, block);
    }

    void write_others() {
        for (InodeId id = 0; id < tree.inodes().size(); ++id) {
            const Inode& inode = tree.inode(id);
            if (inode.kind == InodeKind::directory || inode.links == 0) continue;
            check_interrupt();
            RawInode raw;
            fill_common(raw.large, inode.attributes, inode.kind, inode.links);
            if (inode.kind == InodeKind::symlink) {
                put_symlink(id, inode, raw);
            } else {
                runs[id] = allocate(blocks_for(inode.content.size));
                set_size(raw.large, inode.content.size);
                put_extents(raw.large, number(id), runs[id]);
            }
            put_inode(number(id), raw, inode.attributes);
        }
    }
};

Ext4Writer::Ext4Writer(const DiskArea& area, const FileTree& tree, const Ext4Options& options)
    : impl_(std::make_unique<Impl>(area, tree, options)) {}
Ext4Writer::~Ext4Writer() = default;

void Ext4Writer::write_tree() {
    impl_->allocate_inodes();
    impl_->write_directories();
    impl_->write_others();
}

std::vector<Extent> Ext4Writer::extents(InodeId file) const {
    const Impl::Run run = impl_->runs[file];
    const auto first = impl_->extents.begin() + run.first;
    return {first, first + run.count};
}

void Ext4Writer::finish() {
    close_ext4(std::move(impl_->fs));
}

}  // namespace osb::image

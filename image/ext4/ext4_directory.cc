#include "image/ext4/ext4_directory.hh"

#include <algorithm>
#include <cstring>
#include <tuple>
#include <utility>

#include "base/error.hh"

namespace osb::image {
namespace {

// The room for entries in a block. The checksum takes the end.
constexpr std::size_t kRoom = kBlockSize - sizeof(ext2_dir_entry_tail);

std::size_t entry_size(std::size_t name_length) {
    return (EXT2_DIR_ENTRY_HEADER_LEN + name_length + EXT2_DIR_ROUND) & ~std::size_t{EXT2_DIR_ROUND};
}

int type_code(InodeKind kind) {
    switch (kind) {
        case InodeKind::file:
            return EXT2_FT_REG_FILE;
        case InodeKind::symlink:
            return EXT2_FT_SYMLINK;
        case InodeKind::directory:
            break;
    }
    return EXT2_FT_DIR;
}

ext2_dir_entry* entry_at(DirectoryBlock& block, std::size_t at) {
    return reinterpret_cast<ext2_dir_entry*>(block.data() + at);
}

void set_length(ext2_filsys fs, ext2_dir_entry* entry, std::size_t length) {
    check_ext4(ext2fs_set_rec_len(fs, static_cast<unsigned>(length), entry), "cannot make a directory");
}

// Fills one block after the other.
class Packer {
  public:
    // `room` is the number of bytes of a block that entries may use.
    Packer(ext2_filsys fs, std::size_t room) : fs_(fs), room_(room) {}

    // Returns true if it started a new block.
    bool add(const DirectoryEntry& from) {
        const std::size_t size = entry_size(from.name.size());
        const bool begins = blocks_.empty() || used_ + size > room_;
        if (begins) new_block();
        ext2_dir_entry* entry = entry_at(blocks_.back(), used_);
        entry->inode = from.inode;
        ext2fs_dirent_set_name_len(entry, static_cast<int>(from.name.size()));
        ext2fs_dirent_set_file_type(entry, type_code(from.kind));
        std::copy(from.name.begin(), from.name.end(), entry->name);
        set_length(fs_, entry, size);
        last_ = used_;
        used_ += size;
        return begins;
    }

    std::vector<DirectoryBlock> finish(std::size_t least) {
        while (blocks_.size() < least) new_block();
        close();
        return std::move(blocks_);
    }

  private:
    void new_block() {
        close();
        blocks_.emplace_back();
        used_ = 0;
        last_ = 0;
    }

    // The last entry extends to the end of the block. An empty block has one entry without an inode.
    void close() {
        if (blocks_.empty()) return;
        DirectoryBlock& block = blocks_.back();
        set_length(fs_, entry_at(block, last_), kRoom - last_);
        ext2fs_initialize_dirent_tail(fs_, EXT2_DIRENT_TAIL(block.data(), fs_->blocksize));
    }

    ext2_filsys fs_;
    std::size_t room_;
    std::vector<DirectoryBlock> blocks_;
    std::size_t used_ = 0;
    std::size_t last_ = 0;
};

// A leaf of the index. Names whose hash is at least `hash` are in that block of the directory.
struct IndexEntry {
    std::uint32_t hash = 0;
    std::uint32_t block = 0;
};

constexpr std::size_t kIndexEntry = 8;
constexpr std::size_t kIndexTail = 8;     // the checksum
constexpr std::size_t kRootEntries = 32;  // where they begin, behind "." and ".." and what the
                                          // index is like
constexpr std::size_t kNodeEntries = 8;   // behind an entry that hides all from the unaware
constexpr std::size_t kRootLimit = (kBlockSize - kRootEntries - kIndexTail) / kIndexEntry;
constexpr std::size_t kNodeLimit = (kBlockSize - kNodeEntries - kIndexTail) / kIndexEntry;

void put_entries(DirectoryBlock& block, std::size_t at, std::size_t limit, const IndexEntry* entries,
                 std::size_t count) {
    const auto put = [&](std::size_t to, std::uint32_t value, std::size_t size) {
        for (std::size_t i = 0; i < size; ++i, value >>= 8U) {
            block.bytes[to + i] = static_cast<char>(value & 0xFFU);
        }
    };
    // The hash of the first entry is implied; its field holds the numbers of entries instead.
    put(at, static_cast<std::uint32_t>(limit), 2);
    put(at + 2, static_cast<std::uint32_t>(count), 2);
    for (std::size_t i = 0; i < count; ++i) {
        if (i != 0) put(at + i * kIndexEntry, entries[i].hash, 4);
        put(at + i * kIndexEntry + 4, entries[i].block, 4);
    }
}

DirectoryBlock index_root(ext2_filsys fs, const DirectoryEntry& self, const DirectoryEntry& parent,
                          const std::vector<IndexEntry>& entries, unsigned levels) {
    constexpr std::size_t kDot = 12;
    DirectoryBlock block;
    for (const auto& [at, from, length] :
         {std::tuple(std::size_t{0}, &self, kDot), std::tuple(kDot, &parent, kBlockSize - kDot)}) {
        ext2_dir_entry* entry = entry_at(block, at);
        entry->inode = from->inode;
        ext2fs_dirent_set_name_len(entry, static_cast<int>(from->name.size()));
        ext2fs_dirent_set_file_type(entry, EXT2_FT_DIR);
        std::copy(from->name.begin(), from->name.end(), entry->name);
        set_length(fs, entry, length);
    }
    ext2_dx_root_info info{};
    info.hash_version = EXT2_HASH_HALF_MD4;
    info.info_length = sizeof info;
    info.indirect_levels = static_cast<__u8>(levels);
    std::memcpy(block.data() + 2 * kDot, &info, sizeof info);
    put_entries(block, kRootEntries, kRootLimit, entries.data(), entries.size());
    return block;
}

// Packs entries in the order of their hashes, into blocks with some free space.
class IndexedPacker {
  public:
    IndexedPacker(ext2_filsys fs, const std::vector<DirectoryEntry>& entries) : fs_(fs), entries_(entries) {
        for (std::size_t i = 2; i < entries.size(); ++i) {
            ext2_dirhash_t hash = 0;
            ext2_dirhash_t minor = 0;
            check_ext4(ext2fs_dirhash2(EXT2_HASH_HALF_MD4_UNSIGNED, entries[i].name.data(),
                                       static_cast<int>(entries[i].name.size()), nullptr, 0,
                                       fs->super->s_hash_seed, &hash, &minor),
                       "cannot hash a name");
            order_.push_back({hash, minor, i});
        }
        std::sort(order_.begin(), order_.end());
    }

    PackedDirectory run() {
        pack_leaves();
        const std::size_t nodes =
            leaves_.size() <= kRootLimit ? 0 : (leaves_.size() + kNodeLimit - 1) / kNodeLimit;
        if (nodes > kRootLimit) {
            throw Error(ErrorKind::too_large, concat("a directory with ", entries_.size(), " entries"));
        }
        // The position of the leaves is known only now: after the index.
        for (IndexEntry& leaf : leaves_) leaf.block += static_cast<std::uint32_t>(1 + nodes);
        PackedDirectory out;
        out.is_indexed = true;
        if (nodes == 0) {
            out.blocks.push_back(index_root(fs_, entries_[0], entries_[1], leaves_, 0));
        } else {
            add_nodes(out, nodes);
        }
        out.blocks.insert(out.blocks.end(), blocks_.begin(), blocks_.end());
        return out;
    }

  private:
    struct Hashed {
        std::uint32_t hash = 0;
        std::uint32_t minor = 0;
        std::size_t entry = 0;
        bool operator<(const Hashed& other) const noexcept {
            return std::tie(hash, minor, entry) < std::tie(other.hash, other.minor, other.entry);
        }
    };

    void pack_leaves() {
        Packer packer(fs_, kRoom / 5 * 4);
        std::uint32_t last = 0;
        std::uint32_t count = 0;
        for (const Hashed& hashed : order_) {
            if (packer.add(entries_[hashed.entry])) {
                // The lowest bit marks that the previous block has names of the same hash too.
                const bool continued = count != 0 && hashed.hash == last;
                leaves_.push_back({continued ? hashed.hash | 1U : hashed.hash, count++});
            }
            last = hashed.hash;
        }
        blocks_ = packer.finish(0);
    }

    void add_nodes(PackedDirectory& out, std::size_t nodes) {
        std::vector<IndexEntry> root;
        for (std::size_t i = 0; i < nodes; ++i) {
            const std::size_t first = i * kNodeLimit;
            root.push_back({leaves_[first].hash, static_cast<std::uint32_t>(1 + i)});
        }
        out.blocks.push_back(index_root(fs_, entries_[0], entries_[1], root, 1));
        for (std::size_t i = 0; i < nodes; ++i) {
            const std::size_t first = i * kNodeLimit;
            DirectoryBlock block;
            set_length(fs_, entry_at(block, 0), kBlockSize);
            put_entries(block, kNodeEntries, kNodeLimit, &leaves_[first],
                        std::min(kNodeLimit, leaves_.size() - first));
            out.blocks.push_back(block);
        }
    }

    ext2_filsys fs_;
    const std::vector<DirectoryEntry>& entries_;
    std::vector<Hashed> order_;
    std::vector<IndexEntry> leaves_;
    std::vector<DirectoryBlock> blocks_;
};

}  // namespace

std::uint64_t directory_blocks_at_most(const Inode& directory) {
    std::uint64_t bytes = 0;
    for (const auto& [name, child] : directory.children) bytes += entry_size(name.size());
    // A leaf keeps a fifth free, and the largest possible entry may not have fitted.
    const std::uint64_t leaves = 1 + bytes / (kRoom / 5 * 4 - entry_size(255));
    return leaves + 2 + leaves / kNodeLimit;
}

PackedDirectory pack_directory(ext2_filsys fs, const std::vector<DirectoryEntry>& entries,
                               std::size_t least_blocks) {
    std::size_t bytes = 0;
    for (const DirectoryEntry& entry : entries) bytes += entry_size(entry.name.size());
    if (bytes > kRoom) return IndexedPacker(fs, entries).run();
    Packer packer(fs, kRoom);
    for (const DirectoryEntry& entry : entries) packer.add(entry);
    return {packer.finish(least_blocks), false};
}

}  // namespace osb::image

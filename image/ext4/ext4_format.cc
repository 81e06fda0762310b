#include "image/ext4/ext4_format.hh"

#include <algorithm>
#include <cstring>

#include "base/error.hh"

namespace osb::image {
namespace {

constexpr std::uint32_t kInodeSize = 256;        // bytes
constexpr std::uint64_t kBytesPerInode = 16384;  // mke2fs's usual ratio

void set_features(ext2_super_block& super, const Ext4Options& options) {
    super.s_feature_compat =
        EXT2_FEATURE_COMPAT_EXT_ATTR | EXT2_FEATURE_COMPAT_RESIZE_INODE | EXT2_FEATURE_COMPAT_DIR_INDEX;
    super.s_feature_incompat =
        EXT2_FEATURE_INCOMPAT_FILETYPE | EXT3_FEATURE_INCOMPAT_EXTENTS | EXT4_FEATURE_INCOMPAT_FLEX_BG;
    // SYSLINUX 6.04 does not read group descriptors of 64 bytes.
    if (!options.for_bootloader) super.s_feature_incompat |= EXT4_FEATURE_INCOMPAT_64BIT;
    super.s_feature_ro_compat = EXT2_FEATURE_RO_COMPAT_SPARSE_SUPER | EXT2_FEATURE_RO_COMPAT_LARGE_FILE |
                                EXT4_FEATURE_RO_COMPAT_HUGE_FILE | EXT4_FEATURE_RO_COMPAT_DIR_NLINK |
                                EXT4_FEATURE_RO_COMPAT_EXTRA_ISIZE | EXT4_FEATURE_RO_COMPAT_METADATA_CSUM;
}

ext2_super_block parameters(std::uint64_t size, std::uint64_t inodes, const Ext4Options& options) {
    ext2_super_block super{};
    const std::uint64_t blocks = size / kBlockSize;
    set_features(super, options);
    super.s_rev_level = EXT2_DYNAMIC_REV;
    super.s_log_block_size = 2;  // 4096 bytes
    super.s_inode_size = kInodeSize;
    super.s_log_groups_per_flex = 4;
    // After an error the kernel remounts read-only, so that a writer such as a health check sees the failure.
    super.s_errors = EXT2_ERRORS_RO;
    super.s_default_mount_opts = EXT2_DEFM_XATTR_USER | EXT2_DEFM_ACL;
    super.s_inodes_count = static_cast<std::uint32_t>(
        std::min<std::uint64_t>(inode_count(blocks * kBlockSize, inodes), UINT32_MAX));
    ext2fs_blocks_count_set(&super, blocks);
    ext2fs_r_blocks_count_set(&super, blocks / 100 * options.reserved_percent);
    return super;
}

void set_identity(ext2_filsys fs, const Ext4Options& options) {
    ext2_super_block& super = *fs->super;
    std::copy(options.uuid.begin(), options.uuid.end(), std::begin(super.s_uuid));
    static_assert(sizeof super.s_hash_seed == sizeof options.hash_seed);
    std::memcpy(super.s_hash_seed, options.hash_seed.data(), options.hash_seed.size());
    super.s_def_hash_version = EXT2_HASH_HALF_MD4;
    super.s_flags |= EXT2_FLAGS_UNSIGNED_HASH;
    super.s_checksum_type = EXT2_CRC32C_CHKSUM;
    super.s_max_mnt_count = static_cast<decltype(super.s_max_mnt_count)>(-1);
    if (options.label.size() > sizeof super.s_volume_name) {
        throw Error(ErrorKind::internal, "the label of a filesystem is too long");
    }
    std::memset(super.s_volume_name, 0, sizeof super.s_volume_name);
    std::copy(options.label.begin(), options.label.end(), std::begin(super.s_volume_name));
    // All checksums of the filesystem depend on its UUID.
    ext2fs_init_csum_seed(fs);
}

// Inode tables read as zeros, so that the kernel need not clear them at the first mount.
void clear_inode_tables(ext2_filsys fs, const DiskArea& area) {
    for (dgrp_t group = 0; group < fs->group_desc_count; ++group) {
        area.zero_fresh(ext2fs_inode_table_loc(fs, group) * kBlockSize,
                        std::uint64_t{fs->inode_blocks_per_group} * kBlockSize);
        ext2fs_bg_flags_set(fs, group, EXT2_BG_INODE_ZEROED);
        ext2fs_group_desc_csum_set(fs, group);
    }
}

}  // namespace

std::uint64_t inode_count(std::uint64_t size, std::uint64_t inodes) {
    constexpr std::uint64_t kSpare = 1024;
    return std::max(size / kBytesPerInode, 3 * inodes + kSpare);
}

std::uint64_t journal_blocks(std::uint64_t size) {
    const int blocks = ext2fs_default_journal_size(size / kBlockSize);
    return blocks < 0 ? 0 : static_cast<std::uint64_t>(blocks);
}

Ext4Ptr format_ext4(const DiskArea& area, std::uint64_t inodes, const Ext4Options& options) {
    const Ext4Io io(area);
    ext2_super_block super = parameters(area.size(), inodes, options);
    ext2_filsys raw = nullptr;
    check_ext4(ext2fs_initialize(area.name().c_str(), EXT2_FLAG_64BITS, &super, io.manager(), &raw),
               concat("cannot make a filesystem in ", area.name()));
    Ext4Ptr fs(raw);
    // Without this, libext2fs uses the clock.
    raw->now = static_cast<decltype(raw->now)>(std::max<std::int64_t>(options.time, 1));
    raw->umask = 022;
    set_identity(raw, options);
    check_ext4(ext2fs_allocate_tables(raw), "cannot place the inode tables");
    clear_inode_tables(raw, area);
    for (ext2_ino_t i = 1; i < kFirstInode; ++i) ext2fs_inode_alloc_stats2(raw, i, +1, i == EXT2_ROOT_INO);
    check_ext4(ext2fs_create_resize_inode(raw), "cannot reserve blocks for growth");
    const std::uint64_t journal = journal_blocks(area.size());
    if (journal != 0) {
        check_ext4(ext2fs_add_journal_inode2(raw, static_cast<blk_t>(journal), ~blk64_t{0}, 0),
                   "cannot make the journal");
    }
    return fs;
}

void close_ext4(Ext4Ptr fs) {
    ext2_super_block& super = *fs->super;
    const auto now = static_cast<std::uint32_t>(fs->now);
    // Times have 40 bits. libext2fs sets the lower bits of the last write itself.
    const auto high = static_cast<std::uint8_t>(static_cast<std::uint64_t>(fs->now) >> 32U);
    super.s_mkfs_time = now;
    super.s_lastcheck = now;
    super.s_mkfs_time_hi = super.s_lastcheck_hi = super.s_wtime_hi = high;
    super.s_state |= EXT2_VALID_FS;
    ext2fs_mark_super_dirty(fs.get());
    ext2_filsys raw = fs.release();
    const errcode_t code = ext2fs_close_free(&raw);
    // The library frees it unless closing failed.
    if (code != 0 && raw != nullptr) fs.reset(raw);
    check_ext4(code, "cannot write the filesystem's tables");
}

}  // namespace osb::image

// Creates an empty ext4 filesystem. Internal to this folder.
#pragma once

#include <memory>

#include "image/ext4/ext4_io.hh"
#include "image/ext4/ext4_writer.hh"

namespace osb::image {

struct Ext4Free {
    void operator()(ext2_filsys fs) const noexcept { ext2fs_free(fs); }
};
using Ext4Ptr = std::unique_ptr<struct_ext2_filsys, Ext4Free>;

// The number of the first inode that is not reserved: that of lost+found.
inline constexpr ext2_ino_t kFirstInode = 11;

// Creates the tables of the filesystem in memory, with room for at least `inodes` inodes, marks reserved
// blocks and inodes as used, and writes the journal. Nothing else is written to `area` before close_ext4().
Ext4Ptr format_ext4(const DiskArea& area, std::uint64_t inodes, const Ext4Options& options);

// Returns the number of inodes of a filesystem of `size` bytes with `inodes` files. It has room for as many
// again, because an upgrade may add another system of the same size.
std::uint64_t inode_count(std::uint64_t size, std::uint64_t inodes);

// Returns the number of journal blocks for a filesystem of `size` bytes.
std::uint64_t journal_blocks(std::uint64_t size);

// Writes all data that is still in memory, and closes the filesystem.
void close_ext4(Ext4Ptr fs);

}  // namespace osb::image

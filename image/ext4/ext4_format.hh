// An empty ext4 filesystem. Internal to this folder.
#pragma once

#include <memory>

#include "image/ext4/ext4_io.hh"
#include "image/ext4/ext4_writer.hh"

namespace osb::image {

struct Ext4Free {
    void operator()(ext2_filsys fs) const noexcept { ext2fs_free(fs); }
};
using Ext4Ptr = std::unique_ptr<struct_ext2_filsys, Ext4Free>;

// The number of the first inode that is free for files: lost+found has it.
inline constexpr ext2_ino_t kFirstInode = 11;

// Makes the filesystem's tables in memory, with room for `inodes` inodes at the least; what is reserved is
// marked as used, and the journal written. Nothing else reaches the area before it is closed.
Ext4Ptr format_ext4(const DiskArea& area, std::uint64_t inodes, const Ext4Options& options);

// The inodes that a filesystem of this size has when there are that many files: with room for as many again,
// because an upgrade may bring another system of the same size.
std::uint64_t inode_count(std::uint64_t size, std::uint64_t inodes);

// The blocks of the journal of a filesystem of this size.
std::uint64_t journal_blocks(std::uint64_t size);

// Writes everything that is still in memory.
void close_ext4(Ext4Ptr fs);

}  // namespace osb::image

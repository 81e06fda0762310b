// Writes a FileTree as an ext4 filesystem, without mounting anything: through libext2fs, into a file or a
// device. No privileges are needed, and the same tree and options give the same bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "image/disk/disk_area.hh"
#include "image/disk/uuid.hh"
#include "image/ext4/file_tree.hh"

namespace osb::image {

inline constexpr std::uint32_t kBlockSize = 4096;  // of every filesystem that is made here, in bytes

// The times that ext4 can hold, in seconds since 1970: the years 1901 to 2446.
inline constexpr std::int64_t kFirstExt4Time = -(std::int64_t{1} << 31);
inline constexpr std::int64_t kLastExt4Time = kFirstExt4Time + (std::int64_t{1} << 34) - 1;

struct Ext4Options {
    std::string label;  // at most 16 bytes
    Uuid uuid{};
    Uuid hash_seed{};       // of directory indexes
    std::int64_t time = 0;  // seconds since 1970: creation, and change of every inode
    // Whether SYSLINUX has to read it: then without the features that it does not know (64bit).
    bool for_bootloader = false;
    unsigned reserved_percent = 0;  // of the blocks, for root
};

// A run of blocks of a file.
struct Extent {
    std::uint64_t file_block = 0;  // of the file, where the run begins
    std::uint64_t disk_block = 0;  // of the filesystem
    std::uint64_t blocks = 0;
};

// What the tree's contents and directories take on ext4, in bytes, without inodes. An upper bound.
std::uint64_t ext4_content_size(const FileTree& tree);

// The size that a filesystem needs, at the least, to hold the tree and `spare` bytes besides. An upper bound.
std::uint64_t ext4_size_for(const FileTree& tree, std::uint64_t spare);

class Ext4Writer {
  public:
    // Both are borrowed. Writes nothing that could be taken for a filesystem before finish(). Throws
    // Error{invalid} for a time that ext4 cannot hold, there and in write_tree().
    Ext4Writer(const DiskArea& area, const FileTree& tree, const Ext4Options& options);
    ~Ext4Writer();
    Ext4Writer(const Ext4Writer&) = delete;
    Ext4Writer& operator=(const Ext4Writer&) = delete;

    // Writes inodes and directories, and decides where each file will lie. Throws Error{no_space} when the
    // tree does not fit.
    void write_tree();

    // Where the content of a file belongs; for after write_tree(). Writing it there is the caller's work, and
    // may be done by many threads.
    std::vector<Extent> extents(InodeId file) const;

    // Writes bitmaps, group descriptors and superblocks: from here on it is a filesystem. The area still has
    // to be synced.
    void finish();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace osb::image

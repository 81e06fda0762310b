// Writes a FileTree as an ext4 filesystem into a file or a device, through libext2fs. Needs no mount and no
// privileges. Reproducible: the same tree and options give the same bytes.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "image/disk/disk_area.hh"
#include "image/disk/uuid.hh"
#include "image/ext4/file_tree.hh"

namespace osb::image {

inline constexpr std::uint32_t kBlockSize = 4096;  // of every filesystem that Ext4Writer writes, in bytes

// The range of times that ext4 can store, in seconds since 1970: the years 1901 to 2446.
inline constexpr std::int64_t kFirstExt4Time = -(std::int64_t{1} << 31);
inline constexpr std::int64_t kLastExt4Time = kFirstExt4Time + (std::int64_t{1} << 34) - 1;

// The parameters of a new filesystem.
struct Ext4Options {
    std::string label;  // at most 16 bytes
    Uuid uuid{};
    Uuid hash_seed{};       // of directory indexes
    std::int64_t time = 0;  // seconds since 1970: creation of the filesystem, change of every inode
    // True if SYSLINUX reads this filesystem. Features that SYSLINUX does not support (64bit) are then off.
    bool for_bootloader = false;
    unsigned reserved_percent = 0;  // of the blocks, for root
};

// A run of blocks of a file.
struct Extent {
    std::uint64_t file_block = 0;  // first block of the run in the file
    std::uint64_t disk_block = 0;  // first block of the run in the filesystem
    std::uint64_t blocks = 0;
};

// Returns an upper bound of the bytes that contents and directories of the tree take on ext4, without inodes.
std::uint64_t ext4_content_size(const FileTree& tree);

// Returns an upper bound of the smallest filesystem, in bytes, that holds the tree and `spare` more bytes.
std::uint64_t ext4_size_for(const FileTree& tree, std::uint64_t spare);

class Ext4Writer {
  public:
    // Borrows `area` and `tree`. Nothing on the disk is recognisable as a filesystem before finish(). The
    // constructor and write_tree() throw Error{invalid} for a time that ext4 cannot store.
    Ext4Writer(const DiskArea& area, const FileTree& tree, const Ext4Options& options);
    ~Ext4Writer();
    Ext4Writer(const Ext4Writer&) = delete;
    Ext4Writer& operator=(const Ext4Writer&) = delete;

    // Writes inodes and directories, and allocates the blocks of each file. Throws Error{no_space} if the
    // tree does not fit.
    void write_tree();

    // Returns the extents of a file. Call write_tree() first. The caller writes the content there; several
    // threads may do so concurrently.
    std::vector<Extent> extents(InodeId file) const;

    // Writes bitmaps, group descriptors and superblocks, which completes the filesystem. The caller must
    // still sync the area.
    void finish();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace osb::image

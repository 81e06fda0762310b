// Builds the blocks of a directory. Internal to this folder.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "image/ext4/ext4_io.hh"
#include "image/ext4/ext4_writer.hh"

namespace osb::image {

// Aligned for libext2fs, which reads the bytes as directory entries.
struct alignas(8) DirectoryBlock {
    std::array<char, kBlockSize> bytes{};
    char* data() noexcept { return bytes.data(); }
};

// One entry of a directory. Borrows the name.
struct DirectoryEntry {
    std::string_view name;
    ext2_ino_t inode = 0;
    InodeKind kind = InodeKind::file;
};

// The blocks of one directory, and whether they have an index.
struct PackedDirectory {
    std::vector<DirectoryBlock> blocks;
    bool is_indexed = false;
};

// Packs the entries, "." and ".." first, into at least `least_blocks` blocks. A directory of more than one
// block gets an index of hashed names, as Linux creates it. The blocks have no checksums; writing them sets
// these. Throws Error{too_large} for more entries than ext4 supports.
PackedDirectory pack_directory(ext2_filsys fs, const std::vector<DirectoryEntry>& entries,
                               std::size_t least_blocks);

// Returns an upper bound of the number of blocks of a directory.
std::uint64_t directory_blocks_at_most(const Inode& directory);

}  // namespace osb::image

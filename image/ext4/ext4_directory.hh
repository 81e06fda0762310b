// The blocks of a directory. Internal to this folder.
#pragma once

#include <array>
#include <string_view>
#include <vector>

#include "image/ext4/ext4_io.hh"
#include "image/ext4/ext4_writer.hh"

namespace osb::image {

// Aligned for libext2fs, which looks at it as entries.
struct alignas(8) DirectoryBlock {
    std::array<char, kBlockSize> bytes{};
    char* data() noexcept { return bytes.data(); }
};

struct DirectoryEntry {
    std::string_view name;
    ext2_ino_t inode = 0;
    InodeKind kind = InodeKind::file;
};

struct PackedDirectory {
    std::vector<DirectoryBlock> blocks;
    bool is_indexed = false;
};

// The blocks of a directory with these entries, "." and ".." first; at least `least_blocks` of them. What
// takes more than one block gets an index of hashed names, as Linux makes it. Without checksums: writing them
// sets these. Throws Error{too_large} for more entries than ext4 takes.
PackedDirectory pack_directory(ext2_filsys fs, const std::vector<DirectoryEntry>& entries,
                               std::size_t least_blocks);

// An upper bound of their number.
std::uint64_t directory_blocks_at_most(const Inode& directory);

}  // namespace osb::image

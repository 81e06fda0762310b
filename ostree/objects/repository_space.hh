// The space for objects on a repository's filesystem. Private to this folder, as glib.hh is.
#pragma once

#include <cstdint>

#include "ostree/objects/glib.hh"

namespace osb::ostree {

// The disk space of a file with `bytes` bytes, in whole blocks.
constexpr std::int64_t in_blocks(std::uint64_t bytes) {
    constexpr std::uint64_t kBlock = 4096;
    return static_cast<std::int64_t>((bytes + kBlock - 1) / kBlock * kBlock);
}

// The bytes that the repository keeps free (core.min-free-space-*).
std::uint64_t min_free_space(OstreeRepo* repo);

// The usable bytes of the filesystem minus `reserve`.
std::int64_t space_left(int repo_fd, std::uint64_t reserve);

}  // namespace osb::ostree

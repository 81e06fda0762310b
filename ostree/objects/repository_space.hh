// The room that a repository's filesystem has for objects. Internal to this folder, as glib.hh is.
#pragma once

#include <cstdint>

#include "ostree/objects/glib.hh"

namespace osb::ostree {

// What a file of so many bytes takes, in whole blocks.
constexpr std::int64_t in_blocks(std::uint64_t bytes) {
    constexpr std::uint64_t kBlock = 4096;
    return static_cast<std::int64_t>((bytes + kBlock - 1) / kBlock * kBlock);
}

// Bytes that the repository keeps free (core.min-free-space-*).
std::uint64_t min_free_space(OstreeRepo* repo);

// Bytes of the filesystem that may be used, less that reserve.
std::int64_t space_left(int repo_fd, std::uint64_t reserve);

}  // namespace osb::ostree

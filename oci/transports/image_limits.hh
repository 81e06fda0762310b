// The limits of one image, because a few kilobytes of input can request any amount of memory, disk and time.
#pragma once

#include <cstddef>
#include <cstdint>

namespace osb::oci {

// They apply to the whole image, because the number of layers is arbitrary. ostree/tree/image_budget.hh
// enforces them; `--limits` and $OSB_LIMITS change them for one call.
struct ImageLimits {
    // Entries in the archives of all layers, including dropped ones.
    std::size_t max_entries = 2'000'000;
    // Bytes of memory until the commit is written: lists of entries, the tree, attributes. These are
    // estimates, too low by at most the overhead of the allocator.
    std::size_t max_memory = 400UL * 1024 * 1024;
    // A layer may unpack to `max_ratio` times its compressed size, including holes of sparse files. The
    // excess of all layers together may be `free_bytes`.
    std::uint64_t free_bytes = 1ULL << 30;
    std::uint64_t max_ratio = 200;
    // Path components that are looked up, including those of symbolic links on the way. An entry of an
    // ordinary image needs a few; the limit is some seconds of work.
    std::uint64_t max_steps = 50'000'000;
};

}  // namespace osb::oci

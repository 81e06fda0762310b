// The parts of a zstd:chunked layer's blob that hold the content of entries, and the ranges that fetch them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "oci/chunked/zstd_chunked_toc.hh"
#include "oci/transports/image_source.hh"

namespace osb::ostree {

// The content of an entry in the blob: [begin, end), without a frame of another entry.
struct BlobPart {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    const oci::TocEntry* entry = nullptr;
    std::size_t object = 0;  // index of what the caller fetches
};

// Parts that one request fetches, in the order of the blob. [begin, end) may include bytes between them.
struct BlobRange {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::vector<BlobPart> parts;
};

// The limits of max_gap(). A request and the head of its response have some 1 KiB.
inline constexpr std::uint64_t kMinGap = 2UL * 1024;
inline constexpr std::uint64_t kMaxGap = 32UL * 1024;

// Two parts become one range if at most this many bytes lie between them: what the link transfers while one
// more request waits for its response, where `connections` wait at once. kMaxGap if the link is unknown or
// fast: there a request takes processor time.
std::uint64_t max_gap(const oci::Traffic& traffic, unsigned connections);

// A range of several parts has at most so many bytes: several connections share the work, and an interruption
// costs no more than that.
inline constexpr std::uint64_t kMaxRange = 8UL * 1024 * 1024;

// The part of an entry that has content. Throws Error{invalid} if the chunks are not in the order of the
// blob: no writer makes such a layer.
BlobPart part_of(const oci::TocEntry& entry, std::size_t object);

// Joins parts that are near each other. Throws Error{invalid} if parts overlap.
std::vector<BlobRange> merge_parts(std::vector<BlobPart> parts, std::uint64_t max_gap);

// The bytes of the ranges from the index `first` on.
std::uint64_t bytes_of(const std::vector<BlobRange>& ranges, std::size_t first = 0);

}  // namespace osb::ostree

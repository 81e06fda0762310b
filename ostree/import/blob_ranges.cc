#include "ostree/import/blob_ranges.hh"

#include <algorithm>
#include <string_view>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"

namespace osb::ostree {
namespace {

[[noreturn]] void refuse_parts(std::string_view why) {
    throw Error(ErrorKind::invalid, concat("the table of contents has ", why));
}

}  // namespace

BlobPart part_of(const oci::TocEntry& entry, std::size_t object) {
    for (std::size_t i = 1; i < entry.chunks.size(); ++i) {
        if (entry.chunks[i].offset < entry.chunks[i - 1].end_offset)
            refuse_parts("chunks of a file that are not in the order of the blob");
    }
    return {.begin = entry.chunks.front().offset,
            .end = entry.chunks.back().end_offset,
            .entry = &entry,
            .object = object};
}

std::uint64_t max_gap(const oci::Traffic& traffic, unsigned connections) {
    if (traffic.bytes_per_wait == 0) return kMaxGap;
    return std::clamp(traffic.bytes_per_wait / std::max(connections, 1U), kMinGap, kMaxGap);
}

std::vector<BlobRange> merge_parts(std::vector<BlobPart> parts, std::uint64_t max_gap) {
    std::sort(parts.begin(), parts.end(),
              [](const BlobPart& a, const BlobPart& b) { return a.begin < b.begin; });
    std::vector<BlobRange> out;
    for (const BlobPart& part : parts) {
        if (!out.empty() && part.begin < out.back().end) refuse_parts("files that overlap in the blob");
        const bool is_near = !out.empty() && part.begin - out.back().end <= max_gap &&
                             part.end - out.back().begin <= kMaxRange;
        if (!is_near) out.push_back({.begin = part.begin, .end = part.end, .parts = {}});
        out.back().end = part.end;
        out.back().parts.push_back(part);
    }
    return out;
}

std::uint64_t bytes_of(const std::vector<BlobRange>& ranges, std::size_t first) {
    std::uint64_t out = 0;
    for (std::size_t i = first; i < ranges.size(); ++i) out += ranges[i].end - ranges[i].begin;
    return out;
}

}  // namespace osb::ostree

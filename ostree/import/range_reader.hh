// Reads the content of entries from a range of a zstd:chunked layer's blob.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>

#include "base/progress.hh"
#include "base/stream.hh"
#include "oci/transports/image.hh"
#include "ostree/import/blob_ranges.hh"

namespace osb::ostree {

// Receives a part with its decompressed content, whose length is not checked yet.
using TakePart = std::function<void(const BlobPart& part, Source& content)>;

// Reads the range of layer `index` with one request, and calls take() for each part. Throws Error:
// unavailable; digest_mismatch or invalid for wrong bytes; and as take(). Throws Interrupted.
void read_blob_range(const oci::Image& image, std::size_t index, const BlobRange& range, Progress& progress,
                     const TakePart& take);

// The number of threads for `threads` of the options, where 0 means one per core: requests wait for the
// network most of the time, so there are more of them at once than cores.
unsigned fetch_threads(unsigned threads);

// Fills the buffer. Throws Error{digest_mismatch} if the content ends before.
void read_exactly(Source& content, MutableBytes buffer);
// Throws Error{digest_mismatch} if the content does not end.
void expect_end(Source& content);
// Reads exactly `size` bytes, which must be all of the content.
std::string read_small(Source& content, std::uint64_t size);

}  // namespace osb::ostree

// How frames of a zstd:chunked layer are compressed if no level was asked for: with more effort only where it
// makes frames smaller (docs/performance.md). The answer depends on the bytes of the frame alone, so equal
// contents become equal frames wherever they are.
#pragma once

#include "base/bytes.hh"
#include "oci/codec/zstd_frames.hh"

namespace osb::oci {

// Frames of tar headers, and of content with no other search.
inline constexpr ZstdSearch kHeaderSearch{.level = 6, .small_tables = true};
inline constexpr ZstdSearch kContentSearch{.level = 9, .small_tables = true};
// Machine code, tables and other binary content.
inline constexpr ZstdSearch kBinarySearch{.level = 16, .short_matches = true, .small_tables = true};

// The search for a frame with this content. Content is binary if at least one of 32 bytes is zero: text has
// none, compressed data one of 256, and neither gains by kBinarySearch.
ZstdSearch content_search(ByteView content) noexcept;

}  // namespace osb::oci

// The table of contents of a zstd:chunked layer: which entry lies where in the compressed blob. The format is
// that of containers/storage (pkg/chunked): JSON, version 1, zstd-compressed, in a skippable frame at the end
// of the blob, whose place and digest are annotations of the layer's descriptor.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hh"
#include "oci/documents/manifest.hh"
#include "oci/tar/tar_reader.hh"

namespace osb::oci {

// The largest table of contents, compressed or not, that is written and read; that of containers/storage.
inline constexpr std::uint64_t kMaxToc = 50ULL * 1024 * 1024;
// The most entries, chunks included, of one table.
inline constexpr std::size_t kMaxTocEntries = 1024UL * 1024;

// A part of a file that is one or several frames of its own.
struct TocChunk {
    std::uint64_t offset = 0;          // of its first frame in the blob
    std::uint64_t end_offset = 0;      // behind its last frame
    std::uint64_t content_offset = 0;  // in the file
    std::uint64_t size = 0;            // bytes of content, at least 1
    std::optional<Sha256> digest;      // of its content; none when it is all of the file
    bool zeros = false;                // nothing but zero bytes
};

struct TocEntry {
    TarEntry tar;
    std::optional<Sha256> digest;  // of the content; files of size > 0 have one
    // In order, without gaps, all of the file; empty for what has no content.
    std::vector<TocChunk> chunks;
};

struct Toc {
    std::vector<TocEntry> entries;           // in the order of the archive as a rule; paths are unique
    std::optional<Sha256> tar_split_digest;  // of the compressed tar-split data
};

// The payload of a skippable frame.
struct TocRange {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;  // in the blob
    std::uint64_t uncompressed_size = 0;
};

struct TocLocation {
    TocRange toc;
    Sha256 toc_digest{};  // of the compressed table
    std::optional<TocRange> tar_split;
};

// Where a layer's table lies, from its descriptor's annotations (today's names, else those before 2022-11);
// nothing when it is no zstd:chunked layer. Throws Error{invalid} for annotations that contradict themselves
// or point outside the blob, Error{too_large} beyond kMaxToc.
std::optional<TocLocation> find_toc(const Descriptor& layer);

// The annotations for that: both sets of names.
std::map<std::string, std::string> toc_annotations(const TocLocation& location);

// The table from the bytes of location.toc. Throws Error{digest_mismatch}; Error{invalid} and
// Error{too_large} for what is malformed or beyond the limits: every range of the result lies in the blob
// before the table.
Toc read_toc(ByteView compressed, const TocLocation& location);

// The same of the uncompressed JSON. payload_end: where the frames of the content end at the latest.
Toc parse_toc(std::string_view json, std::uint64_t payload_end);

// The JSON object, or several for a file of several chunks, that stand for an entry. Its texts must be valid
// UTF-8.
void append_toc_entry(std::string& out, const TocEntry& entry);

}  // namespace osb::oci

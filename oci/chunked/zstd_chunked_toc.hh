// The table of contents of a zstd:chunked layer: the position of each entry in the compressed blob. The
// format is that of containers/storage (pkg/chunked): JSON, version 1, zstd-compressed, in a skippable frame
// at the end of the blob. Annotations of the layer's descriptor have its position and digest.
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

// The maximum size of a table of contents in bytes, compressed and uncompressed, as in containers/storage.
inline constexpr std::uint64_t kMaxToc = 50ULL * 1024 * 1024;
// The maximum number of entries in a table, including chunks.
inline constexpr std::size_t kMaxTocEntries = 1024UL * 1024;

// A part of a file that has one or more frames of its own.
struct TocChunk {
    std::uint64_t offset = 0;          // of its first frame in the blob
    std::uint64_t end_offset = 0;      // of the byte after its last frame
    std::uint64_t content_offset = 0;  // in the file
    std::uint64_t size = 0;            // bytes of content, at least 1
    std::optional<Sha256> digest;      // of its content; nullopt if it is the whole file
    bool zeros = false;                // it has only zero bytes
};

// An entry of the table.
struct TocEntry {
    TarEntry tar;
    std::optional<Sha256> digest;  // of the content; files of size > 0 have one
    // The chunks cover the whole file in order, without gaps. Empty for an entry without content.
    std::vector<TocChunk> chunks;
};

// A table of contents.
struct Toc {
    std::vector<TocEntry> entries;           // usually in the order of the archive; paths are unique
    std::optional<Sha256> tar_split_digest;  // of the compressed tar-split data
};

// The payload of a skippable frame.
struct TocRange {
    std::uint64_t offset = 0;
    std::uint64_t size = 0;  // in the blob
    std::uint64_t uncompressed_size = 0;
};

// The positions of the table of contents and of the tar-split data in the blob.
struct TocLocation {
    TocRange toc;
    Sha256 toc_digest{};  // of the compressed table
    std::optional<TocRange> tar_split;
};

// Finds the table of contents from the annotations of a layer's descriptor (the current names, or those from
// before 2022-11). Returns nullopt if the layer is not zstd:chunked. Throws Error{invalid} for annotations
// that contradict each other or point outside the blob, Error{too_large} above kMaxToc.
std::optional<TocLocation> find_toc(const Descriptor& layer);

// The maximum size in bytes of a footer, with the header of its skippable frame.
inline constexpr std::size_t kMaxTocFooter = 72;

// Finds the table of contents from the footer of a layer without annotations: the form of 64 bytes, or that
// of 40 bytes from before 2023-09. `tail` are the last bytes of the blob, kMaxTocFooter if it has so many.
// Returns nullopt if there is no such footer, or if it is malformed. Nothing vouches for the table, and
// toc_digest is not set.
std::optional<TocLocation> find_toc_footer(std::string_view tail, const Descriptor& layer);

// The annotations for `location`, with both sets of names.
std::map<std::string, std::string> toc_annotations(const TocLocation& location);

// Decompresses and parses a table from the bytes of location.toc. Every range of the result lies in the blob,
// before the table. Throws Error{digest_mismatch}; Error{invalid} for malformed data; Error{too_large} above
// the limits.
Toc read_toc(ByteView compressed, const TocLocation& location);

// Parses the uncompressed JSON. payload_end: the maximum end of the content frames in the blob, in bytes.
Toc parse_toc(std::string_view json, std::uint64_t payload_end);

// Appends the JSON of an entry: one object, or several for a file with several chunks. All strings must be
// valid UTF-8.
void append_toc_entry(std::string& out, const TocEntry& entry);

}  // namespace osb::oci

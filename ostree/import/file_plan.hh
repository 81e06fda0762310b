// The files of an ordinary zstd:chunked layer, from its table of contents, and the parts of the blob that
// hold those whose content a repository lacks.
#pragma once

#include <cstdint>
#include <functional>
#include <vector>

#include "oci/chunked/zstd_chunked_toc.hh"
#include "ostree/import/blob_ranges.hh"

namespace osb::ostree {

// The files of a layer that have the same content. The pointers are into the table.
struct FileGroup {
    Sha256 digest{};         // of the content
    std::uint64_t size = 0;  // of the content, at least 1
    std::vector<const oci::TocEntry*> files;
    bool is_missing = false;  // the repository does not have the content
};

// What an import does for the files of a layer.
struct FilePlan {
    std::vector<FileGroup> groups;  // in the order of their first files
    std::vector<BlobRange> ranges;  // BlobPart::object is the index of a missing group
    std::uint64_t bytes = 0;        // of all ranges
    std::uint64_t unpacked = 0;     // bytes of the contents of all files, as in the layer
};

// Plans the fetch of the files for whose content `is_known` is false; each content is fetched once. Throws
// Error: invalid for a table that a layer cannot have (names that import refuses, parts that overlap, a
// digest with two sizes); unsupported for one that may not show the archive's exact texts, because it is
// JSON: the replacement character stands for bytes that are not UTF-8.
FilePlan plan_files(const oci::Toc& table, const std::function<bool(const Sha256&, std::uint64_t)>& is_known,
                    std::uint64_t max_gap = kMaxGap);

}  // namespace osb::ostree

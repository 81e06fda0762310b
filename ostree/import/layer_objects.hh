// The objects of a zstd:chunked layer of an encapsulated image, from its table of contents, and the parts of
// the blob that hold some of them. So a client fetches the objects that it lacks instead of the layer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "oci/chunked/zstd_chunked_toc.hh"
#include "ostree/import/encapsulated_objects.hh"

namespace osb::ostree {

// An object in the table. The pointers are into the table.
struct LayerObject {
    ImageObjectName name;                   // suffix: file, commit, commitmeta, dirtree or dirmeta
    const oci::TocEntry* entry = nullptr;   // its content, and for a file owner and mode
    const oci::TocEntry* xattrs = nullptr;  // of a file: the entry with its extended attributes
};

// A name that the image gives to an object of the layer.
struct LayerObjectName {
    const oci::TocEntry* entry = nullptr;  // a hard link
    std::string checksum;                  // of the object
};

// The objects of a layer in the order of the table, and their names. It owns the table.
struct LayerObjects {
    std::shared_ptr<const oci::Toc> table;
    std::vector<LayerObject> objects;
    std::vector<LayerObjectName> names;
};

// Finds the objects. The rules are those of EncapsulatedLayerReader, except that entries may be in any order.
// Throws Error{invalid} for a table that a layer cannot have: malformed names, an object that appears twice,
// a file without attributes, metadata outside the first layer (`holds_commit`), a first layer without exactly
// one commit, sizes beyond the limits.
LayerObjects find_layer_objects(std::shared_ptr<const oci::Toc> table, bool holds_commit);

// The content of an entry in the blob: [begin, end), without a frame of another entry.
struct BlobPart {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    const oci::TocEntry* entry = nullptr;
    std::size_t object = 0;  // index of its object; for attributes, any object with them
};

// Parts that one request fetches, in the order of the blob. [begin, end) may include bytes between them.
struct BlobRange {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::vector<BlobPart> parts;
};

// The objects to fetch from a layer.
struct LayerPlan {
    std::vector<std::size_t> wanted;  // indexes of objects
    std::vector<BlobRange> xattrs;    // attributes that are not empty; fetched first
    std::vector<BlobRange> content;   // of objects that are not empty
    std::uint64_t bytes = 0;          // of all ranges
    std::uint64_t unpacked = 0;       // bytes of all wanted objects and their attributes
    std::uint64_t attributes = 0;     // bytes of the attributes, which are kept in memory
    std::uint64_t requests() const { return xattrs.size() + content.size(); }
};

// Two parts become one range if at most this many bytes lie between them: what a connection transfers while
// it waits for the answer to another request (0.01 s at 10 MB/s is 100 KB; the table is more exact on slow
// links).
inline constexpr std::uint64_t kMaxGap = 32UL * 1024;

// A range of several parts has at most so many bytes: several connections share the work, and an interruption
// costs no more than that.
inline constexpr std::uint64_t kMaxRange = 8UL * 1024 * 1024;

// Plans the ranges for the objects for which `is_wanted` is true. Throws Error{invalid} if parts overlap or a
// file's chunks are not in the order of the blob: no writer makes such a layer.
LayerPlan plan_layer(const LayerObjects& layer, const std::function<bool(const LayerObject&)>& is_wanted,
                     std::uint64_t max_gap = kMaxGap);

}  // namespace osb::ostree

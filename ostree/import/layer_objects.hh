// The objects of a zstd:chunked layer of an encapsulated image, from its table of contents, and the parts of
// the blob that hold some of them. So a client fetches the objects that it lacks instead of the layer.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "oci/chunked/zstd_chunked_toc.hh"
#include "ostree/import/blob_ranges.hh"
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

// Plans the ranges for the objects for which `is_wanted` is true. Throws Error{invalid} if parts overlap or a
// file's chunks are not in the order of the blob: no writer makes such a layer.
LayerPlan plan_layer(const LayerObjects& layer, const std::function<bool(const LayerObject&)>& is_wanted,
                     std::uint64_t max_gap = kMaxGap);

}  // namespace osb::ostree

// The ways to fetch an image into a repository, and what each transfers.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>
#include <vector>

#include "oci/transports/image.hh"
#include "ostree/import/image_deltas.hh"
#include "ostree/import/image_tables.hh"
#include "ostree/import/object_fetch.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// A way, with the bytes and requests that it takes. Tables of contents count, the manifest and the config do
// not.
struct PlannedWay {
    // "delta"; "objects", which may include files of layers on top of the commit; "files"; "layers"; "none"
    std::string_view way;
    std::uint64_t bytes = 0;
    std::uint64_t requests = 0;
};

// Indexes of layers without known content, in the manifest.
struct UnreadLayers {
    std::vector<std::size_t> of_base;   // which hold a part of the image's commit
    std::vector<std::size_t> ordinary;  // the others
};

// Divides these layers of the image.
UnreadLayers divide_layers(const oci::Image& image, const std::vector<std::size_t>& layers);

// The layers that an import has to read, or to fetch objects or files of, each once: it did not read them
// before. Throws Error as load_layer() in ostree/import/layer_store.hh.
std::vector<std::size_t> unread_layers(const Repository& repository, const oci::Image& image,
                                       Evidence evidence = Evidence::tables);

// The size of these layers in bytes.
std::uint64_t size_of_layers(const oci::Image& image, const std::vector<std::size_t>& layers);

// The possible ways, the one that `automatic` takes first. Reads tables of contents and the manifest of a
// delta, and no content. Throws Error{unavailable} if the registry fails; Interrupted.
std::vector<PlannedWay> plan_fetch(const Repository& repository, const oci::Image& image, ImageTables& tables,
                                   ImageDeltas& deltas);

// The same without deltas.
std::vector<PlannedWay> plan_without_delta(const Repository& repository, const oci::Image& image,
                                           ImageTables& tables);

// The transfer of a finished import or pull.
struct Transfer {
    std::string_view way = "none";  // as in PlannedWay
    std::uint64_t bytes = 0;        // of all responses; for an image on the local disk, of the blobs
    std::uint64_t requests = 0;     // HTTP requests of the run
    std::uint64_t layer_bytes = 0;  // what fetching the missing layers as a whole would have transferred
};

// The transfer of a run that has ended: `bytes_read` of blobs, for a source without a network.
Transfer describe_transfer(const oci::Image& image, std::string_view way, std::uint64_t bytes_read,
                           std::uint64_t layer_bytes);

}  // namespace osb::ostree

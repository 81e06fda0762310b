// The objects of an encapsulated image's layer, from its table of contents. If the repository has all of
// them, the layer need not be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "oci/transports/image.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// The objects in a table of contents.
struct LayerTable {
    std::shared_ptr<Layer> layer;  // its files and symbolic links, without their names in the image
    std::uint64_t bytes_read = 0;
};

// Reads the table of layer `index` if the layer is zstd:chunked and its table is readable; otherwise `layer`
// of the result is null. The table has the digest in the manifest, but may not match the layer. So the caller
// must check that each object exists, and must not record the result as the content of the layer.
// Thread-safe. Throws Error{unavailable} if the registry fails; Interrupted.
LayerTable find_layer_table(const oci::Image& image, std::size_t index);

}  // namespace osb::ostree

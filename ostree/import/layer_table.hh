// The objects of an encapsulated image's layer, told from its table of contents: a layer all of whose objects
// are here already need not be read.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "oci/transports/image.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

struct LayerTable {
    std::shared_ptr<Layer>
        layer;  // its files and symbolic links, without the names that the image gives them
    std::uint64_t bytes_read = 0;
};

// Of layer `index`, when it is a zstd:chunked one whose table can be read; else `layer` of the result is
// null. The table has the digest that the manifest says, but whether it tells the truth about the layer is
// not known: whoever relies on it has to look for each object, and must not remember it as what the layer
// holds. Threads may call it at once. Throws Error{unavailable} when the registry fails; Interrupted.
LayerTable find_layer_table(const oci::Image& image, std::size_t index);

}  // namespace osb::ostree

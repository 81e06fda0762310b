// The layers of an image that an import need not read, because the repository has their content.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "oci/transports/image.hh"
#include "ostree/import/base_commit.hh"
#include "ostree/import/image_layers.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The result of the search for known layers.
struct ReusedLayers {
    ImageLayers layers;             // the reused ones have content
    std::optional<ImageBase> base;  // the commit inside the image, if all of its layers are reused
    std::uint64_t table_bytes = 0;  // bytes of tables of contents that were read
};

// Reuses a known layer if the repository has all of its objects. So an import repairs a damaged repository.
// With `expect_objects`, also reads the tables of contents of an encapsulated image's other layers
// (ImportOptions::expect_objects). Reuses the first layer of a base only together with all others, and only
// if the repository has the commit and its directories.
//
// Charges the reused layers to `budget`. Works on `threads` threads. Throws Error with the layer as context:
// digest_mismatch as load_layer(); too_large; unavailable if the registry fails.
ReusedLayers find_reused_layers(const Repository& repository, const oci::Image& image,
                                std::size_t base_layers, bool expect_objects, const ObjectWriter& writer,
                                unsigned threads, ImageBudget& budget);

}  // namespace osb::ostree

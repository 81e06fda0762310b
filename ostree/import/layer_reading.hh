// The layers of an image, read: decoded side by side, their files stored as they pass.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/progress.hh"
#include "oci/transports/image.hh"
#include "ostree/import/encapsulated_layer.hh"
#include "ostree/import/image_layers.hh"
#include "ostree/import/layer_reader.hh"
#include "ostree/objects/object_writer.hh"

namespace osb::ostree {

struct DecodedLayer {
    std::shared_ptr<const Layer> content;
    Encapsulated commit;  // of LayerKind::commit; empty for others
};

// Reads layer `index` of an image whose first `base_layers` layers hold a commit. As read_layer() in
// ostree/import/layer_reader.hh, with the layer named in errors.
DecodedLayer read_image_layer(const oci::Image& image, std::size_t index, std::size_t base_layers,
                              const LayerContext& context);

struct ReadLayers {
    ImageLayers layers;                                  // all with content
    std::vector<std::shared_ptr<const Layer>> new_ones;  // those that were read now, in the order of `layers`
    Encapsulated commit;           // the commit inside the image, when its layer was read now; else empty
    std::uint64_t bytes_read = 0;  // of blobs
};

// Reads those of `layers` that have no content, the largest first. `threads` work at once. Nothing is begun
// on `progress` when there are none. Throws as read_image_layer().
ReadLayers read_layers(const oci::Image& image, std::size_t base_layers, ImageLayers layers,
                       ObjectWriter& writer, unsigned threads, Progress& progress, ImageBudget& budget);

}  // namespace osb::ostree

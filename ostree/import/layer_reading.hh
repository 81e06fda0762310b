// Reads the layers of an image in parallel and stores their files.
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

// A layer after reading.
struct DecodedLayer {
    std::shared_ptr<const Layer> content;
    Encapsulated commit;  // for LayerKind::commit; empty for others
};

// Reads layer `index` of an image whose first `base_layers` layers hold a commit. Like read_layer() in
// ostree/import/layer_reader.hh, but with the layer as context of errors.
DecodedLayer read_image_layer(const oci::Image& image, std::size_t index, std::size_t base_layers,
                              const LayerContext& context);

// All layers of an image after reading.
struct ReadLayers {
    ImageLayers layers;                                  // all with content
    std::vector<std::shared_ptr<const Layer>> new_ones;  // the newly read ones, in the order of `layers`
    Encapsulated commit;           // the commit inside the image if its layer was read now; otherwise empty
    std::uint64_t bytes_read = 0;  // of blobs
};

// Reads those of `layers` that have no content, the largest first, on `threads` threads. Starts no stage of
// `progress` if there are none. Throws as read_image_layer().
ReadLayers read_layers(const oci::Image& image, std::size_t base_layers, ImageLayers layers,
                       ObjectWriter& writer, unsigned threads, Progress& progress, ImageBudget& budget);

}  // namespace osb::ostree

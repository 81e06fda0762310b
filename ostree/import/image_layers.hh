// The layers of an image as an import handles them: each blob once, however often the manifest names it.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "oci/documents/manifest.hh"
#include "oci/transports/image.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

struct ImageLayer {
    std::size_t index = 0;  // of its first use in the manifest
    LayerKind kind = LayerKind::ordinary;
    std::shared_ptr<const Layer> content;  // nullptr: to be read
};

// Two layers are one when kind, diffID and digest are the same. A layer may be part of the base and on top,
// too; and only reading shows whether two blobs with one diffID have the same content.
struct ImageLayers {
    std::vector<ImageLayer> distinct;    // sorted by kind, diffID and digest
    std::vector<std::size_t> positions;  // of each layer of the manifest: its place in `distinct`

    // Layer `index` of the manifest, which must have that many.
    const ImageLayer& at(std::size_t index) const { return distinct[positions[index]]; }
    ImageLayer& at(std::size_t index) { return distinct[positions[index]]; }
};

// The layers without their content. The first `base_layers` of the image hold a commit.
ImageLayers distinct_layers(const oci::Image& image, std::size_t base_layers);

// The kind of layer `index` in an image whose first `base_layers` layers hold a commit.
LayerKind layer_kind(std::size_t index, std::size_t base_layers) noexcept;

// How many layers of the manifest have content; a blob that is named twice counts twice.
std::size_t count_with_content(const ImageLayers& layers);

// The blobs of the layers without content. Borrowed from the image.
std::vector<const oci::Descriptor*> unread_blobs(const oci::Image& image, const ImageLayers& layers);

// "layer 2 of 7 (sha256:0123456789ab)": the context of an error.
std::string describe_layer(const oci::Image& image, std::size_t index);

}  // namespace osb::ostree

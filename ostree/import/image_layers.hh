// The distinct layers of an image. The manifest may name a blob several times.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "oci/documents/manifest.hh"
#include "oci/transports/image.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// A distinct layer.
struct ImageLayer {
    std::size_t index = 0;  // of its first use in the manifest
    LayerKind kind = LayerKind::ordinary;
    std::shared_ptr<const Layer> content;  // nullptr: not read yet
};

// Two layers are equal if kind, diffID and digest are equal. The same blob may be in the base and on top of
// it. Blobs with equal diffIDs but different digests are distinct, because only reading proves that they are
// equal.
struct ImageLayers {
    std::vector<ImageLayer> distinct;    // sorted by kind, diffID and digest
    std::vector<std::size_t> positions;  // for each layer of the manifest, its index in `distinct`

    // Layer `index` of the manifest. The index must be in range.
    const ImageLayer& at(std::size_t index) const { return distinct[positions[index]]; }
    ImageLayer& at(std::size_t index) { return distinct[positions[index]]; }
};

// The layers of an image, without content. Its first `base_layers` layers hold a commit.
ImageLayers distinct_layers(const oci::Image& image, std::size_t base_layers);

// The kind of layer `index` in an image whose first `base_layers` layers hold a commit.
LayerKind layer_kind(std::size_t index, std::size_t base_layers) noexcept;

// The number of layers in the manifest with content; a blob that occurs twice counts twice.
std::size_t count_with_content(const ImageLayers& layers);

// The blobs of the layers without content. The result borrows from the image.
std::vector<const oci::Descriptor*> unread_blobs(const oci::Image& image, const ImageLayers& layers);

// The context for errors: "layer 2 of 7 (sha256:0123456789ab)".
std::string describe_layer(const oci::Image& image, std::size_t index);

}  // namespace osb::ostree

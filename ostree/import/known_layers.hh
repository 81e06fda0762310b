// Which layers of an image a repository knows from earlier imports.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/transports/image.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// Layer `index` of the image, which is of this kind; nullptr when an import would have to read it. Known are
// a blob that was read, and one that is said to unpack to what was read; but where two blobs of an image are
// said to unpack to the same, what was seen of one says nothing of the other. Throws Error as load_layer() in
// ostree/import/layer_store.hh.
std::unique_ptr<Layer> find_known_layer(const Repository& repository, const oci::Image& image,
                                        std::size_t index, LayerKind kind);

// One entry a layer of the image, in its order; nullptr for a layer that an import would have to read.
// Whether all objects of a known layer are still there is not looked at: the import does that, and reads it
// again where one is missing. Throws Error as load_layer() in ostree/import/layer_store.hh.
std::vector<std::shared_ptr<const Layer>> known_layers(const Repository& repository, const oci::Image& image);

// The commit that an image holds, and nothing beside it, when all of its layers were read before and hold
// that commit; nothing else. The image's label is not believed. Throws as known_layers().
std::optional<CommitId> known_commit(const Repository& repository, const oci::Image& image);

// Whether an import that expects objects (ImportOptions::expect_objects) would not read the layer: it is
// known, or its table of contents names nothing that the repository lacks. One entry a layer. Throws as
// known_layers(); unavailable when the registry fails.
std::vector<bool> present_layers(const Repository& repository, const oci::Image& image);

}  // namespace osb::ostree

// Layers of an earlier image that a new image reuses unchanged, including their blobs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <vector>

#include "oci/chunked/layer_writer.hh"
#include "oci/transports/image.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

// A layer of the previous image that can be reused.
struct KeptLayer {
    std::size_t index = 0;       // in the previous image
    oci::Descriptor descriptor;  // from the previous image
    oci::Digest diff_id;
    std::vector<const WalkedFile*> files;  // those of the commit in the layer, in the order of the walk
    // True if this repository has written the descriptor's blob, or has seen that it unpacks to the layer.
    // Otherwise only the previous image claims it.
    bool is_verified = false;
    std::uint64_t unpacked_size = 0;  // in bytes
};

// The objects of a kept layer that the commit does not have under the same names: at most this part of the
// layer. They cost space in the new image, and save every client that has the layer from fetching it again.
inline constexpr std::uint64_t kMaxStaleParts = 8;  // one of so many

// Returns the layers of `previous`, in its order, that an image of the walk's commit can reuse. These are
// encapsulated layers except the first.
//
// The commit must have the objects of such a layer, with the same names. Other objects are stale. They are
// allowed if each of their names belongs to another file of the commit, which is in a later layer: runtimes
// show the file of the last layer. So a layer with a name that the commit does not have is not kept. Each
// object is in only one of the layers.
//
// Only layers that an import into this repository has read are known (docs/formats/layer-commit.md), whatever
// their image and its author; and with `format`, those that it exported in that format (layer_contents.hh).
// Without known layers in `previous`, the result is empty. The walk is borrowed.
std::vector<KeptLayer> find_kept_layers(const Repository& repository, const CommitWalk& walk,
                                        const oci::Image& previous,
                                        const std::optional<oci::LayerFormat>& format = std::nullopt);

}  // namespace osb::ostree

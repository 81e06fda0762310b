// Layers of an earlier image that a new image reuses unchanged, including their blobs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "oci/transports/image.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

// A layer of the previous image that can be reused.
struct KeptLayer {
    std::size_t index = 0;       // in the previous image
    oci::Descriptor descriptor;  // from the previous image
    oci::Digest diff_id;
    std::vector<const WalkedFile*> files;  // the files of the layer, in the order of the walk
    // True if this repository has seen that the descriptor's blob unpacks to the layer. Otherwise only the
    // previous image claims it.
    bool is_verified = false;
    std::uint64_t unpacked_size = 0;  // in bytes
};

// Returns the layers of `previous`, in its order, that an image of the walk's commit can reuse. These are
// encapsulated layers except the first. The commit must have all objects of such a layer, with the same
// names. Each object is in only one of the layers. Only layers that an import into this repository has read
// are known (docs/formats/layer-commit.md), whatever their image and its author. Without known layers in
// `previous`, the result is empty. The walk is borrowed.
std::vector<KeptLayer> find_kept_layers(const Repository& repository, const CommitWalk& walk,
                                        const oci::Image& previous);

}  // namespace osb::ostree

// Layers of an earlier image that stand in a new one as they are, blob and all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

#include "oci/transports/image.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

struct KeptLayer {
    std::size_t index = 0;       // in the previous image
    oci::Descriptor descriptor;  // as that has it
    oci::Digest diff_id;
    std::vector<const WalkedFile*> files;  // that it holds, in the walk's order
    // Whether the descriptor's blob itself was seen to unpack to the layer. Else only the previous image says
    // so, whoever made it.
    bool is_verified = false;
    std::uint64_t unpacked_size = 0;  // bytes
};

// The layers of `previous`, in its order, that an image of the walk's commit can have: encapsulated layers
// other than the first, all of whose objects the commit has, each under the very names that the layer gives
// it. An object is in one of them only. Known are the layers that were read by an import into this repository
// (docs/formats/layer-commit.md), as base of whichever image and by whomever they were made; of another
// `previous` nothing is kept. The walk is borrowed.
std::vector<KeptLayer> find_kept_layers(const Repository& repository, const CommitWalk& walk,
                                        const oci::Image& previous);

}  // namespace osb::ostree

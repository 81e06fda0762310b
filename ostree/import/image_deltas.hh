// The deltas that a registry offers for an image, looked up once.
#pragma once

#include <optional>

#include "oci/transports/image.hh"
#include "ostree/delta/delta_artifact.hh"
#include "ostree/import/fetch_way.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// Asks the image's source at most once. Not thread-safe.
class ImageDeltas {
  public:
    // The image is borrowed.
    explicit ImageDeltas(const oci::Image& image) : image_(image) {}

    // The smallest delta that gives the image's commit out of a commit that `repository` has completely;
    // nullptr if there is none, if the repository has the image's commit already, or if the image has layers
    // on top of a commit. Nobody vouches for what it states: apply it as something from outside. A registry
    // that fails to list deltas is taken as one without them.
    const DeltaArtifact* find(const Repository& repository);

  private:
    std::optional<DeltaArtifact> look_up(const Repository& repository) const;

    const oci::Image& image_;
    bool asked_ = false;
    std::optional<DeltaArtifact> found_;
};

// The delta to take, or nullptr: with `delta` any that is offered, and with `automatic` one that is smaller
// than the layers `layer_bytes`, and smaller than the objects that it replaces, as it states. Throws
// Error{usage} if `way` is `delta` and none is offered, though there is something to fetch.
const DeltaArtifact* choose_delta(const Repository& repository, const oci::Image& image, ImageDeltas& deltas,
                                  FetchWay way, std::uint64_t layer_bytes);

}  // namespace osb::ostree

// A registry as an image source.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/documents/reference.hh"
#include "oci/transports/image_source.hh"
#include "registry/distribution/distribution_client.hh"

namespace osb::registry {

// Reads the image `reference` (docker) from the first endpoint that has its manifest. Blobs come from this
// endpoint, or from the others if it fails or does not have them. `endpoints` must not be empty; mirrors
// precede the registry. Fetches nothing before root(). Throws the error of the last endpoint, and logs those
// of the others as warnings. The lists of referrers of all endpoints are joined: a mirror may keep an image
// without its referrers. If a mirror has answered, the others have 10 s, and their errors are not reported.
std::shared_ptr<oci::ImageSource> open_distribution_source(
    const oci::Reference& reference, std::vector<std::shared_ptr<const DistributionClient>> endpoints);

}  // namespace osb::registry

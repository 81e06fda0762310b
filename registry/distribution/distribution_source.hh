// Images in registries, as a source.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/documents/reference.hh"
#include "oci/transports/image_source.hh"
#include "registry/distribution/distribution_client.hh"

namespace osb::registry {

// The image `reference` (docker), from the first endpoint that has its manifest; blobs from that one, and
// from the others when it lacks them or fails. At least one endpoint: the registry itself, mirrors before it.
// Nothing is fetched before root(). Errors: those of the last endpoint, the others' as warnings.
std::shared_ptr<oci::ImageSource> open_distribution_source(
    const oci::Reference& reference, std::vector<std::shared_ptr<const DistributionClient>> endpoints);

}  // namespace osb::registry

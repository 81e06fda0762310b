// Images into registries, as a sink.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "oci/documents/reference.hh"
#include "oci/transports/image_sink.hh"
#include "registry/distribution/blob_upload.hh"
#include "registry/distribution/distribution_client.hh"

namespace osb::registry {

struct DistributionSinkOptions {
    // Repositories of the same registry (paths) that blobs may be mounted from.
    std::vector<std::string> mount_from;
    std::size_t chunk_size = kDefaultChunk;
};

// The image `reference` (docker; without tag and digest: "latest"), at the registry itself: mirrors are for
// reading. `client` needs push access. A blob that is there already is asked for once.
std::shared_ptr<oci::ImageSink> open_distribution_sink(const oci::Reference& reference,
                                                       std::shared_ptr<const DistributionClient> client,
                                                       DistributionSinkOptions options = {});

}  // namespace osb::registry

// A registry as an image destination.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "oci/documents/reference.hh"
#include "oci/transports/image_sink.hh"
#include "registry/distribution/blob_upload.hh"
#include "registry/distribution/distribution_client.hh"

namespace osb::registry {

// The options of a sink.
struct DistributionSinkOptions {
    // Paths of repositories of the same registry from which blobs may be mounted.
    std::vector<std::string> mount_from;
    std::size_t chunk_size = kDefaultChunk;
};

// Writes the image `reference` (docker; "latest" without tag and digest) to the registry itself, because
// mirrors are read-only. `client` needs push access. The sink asks only once for a blob that exists already.
std::shared_ptr<oci::ImageSink> open_distribution_sink(const oci::Reference& reference,
                                                       std::shared_ptr<const DistributionClient> client,
                                                       DistributionSinkOptions options = {});

}  // namespace osb::registry

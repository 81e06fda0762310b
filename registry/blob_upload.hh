// A blob on its way to a registry.
#pragma once

#include <memory>
#include <optional>

#include "oci/image_sink.hh"
#include "registry/distribution_client.hh"

namespace osb::registry {

// How large a chunk is, in bytes; one is kept in memory until the registry has it, so that it can be sent
// again. A registry that asks for more (OCI-Chunk-Min-Length) is given that, up to kMaxChunk.
inline constexpr std::size_t kDefaultChunk = 8UL * 1024 * 1024;
inline constexpr std::size_t kMaxChunk = 64UL * 1024 * 1024;

// Begins a blob. One that fits into a chunk goes in one PUT; a larger one in PATCH requests, and after a
// break it goes on where the registry says it stopped. Where the registry forgot it (docker-registry 2.8 does
// whenever a chunk breaks) oci::UploadLost is thrown, unless all bytes are still in the chunk. An upload that
// is not finished is cancelled. `client` is kept and needs push access.
std::unique_ptr<oci::BlobUpload> start_blob_upload(std::shared_ptr<const DistributionClient> client,
                                                   std::optional<std::uint64_t> size,
                                                   std::size_t chunk_size = kDefaultChunk);

}  // namespace osb::registry

// A blob on its way to a registry.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "oci/transports/image_sink.hh"
#include "registry/distribution/distribution_client.hh"

namespace osb::registry {

// How large a chunk is, in bytes; one is kept in memory until the registry has it, so that it can be sent
// again. Some registries (ghcr.io) take no larger ones. One that asks for more (OCI-Chunk-Min-Length) is
// given that, up to kMaxChunk.
inline constexpr std::size_t kDefaultChunk = 4UL * 1024 * 1024;
inline constexpr std::size_t kMaxChunk = 64UL * 1024 * 1024;
// Chunks are not halved below this: what a server refuses then it refuses for another reason.
inline constexpr std::size_t kLeastChunk = 64UL * 1024;

// What a registry has shown that it takes. The uploads to it share one, so that each need not learn it again.
// Threads may use it at once.
class UploadManners {
  public:
    explicit UploadManners(std::size_t chunk_size = kDefaultChunk, std::size_t least_chunk = kLeastChunk)
        : least_chunk_(least_chunk), chunk_size_(chunk_size) {}

    std::size_t chunk_size() const noexcept { return chunk_size_; }
    std::size_t least_chunk() const noexcept { return least_chunk_; }
    void shrink(std::size_t chunk_size) noexcept;
    // Blobs go in one request each: the registry takes no chunks.
    bool in_one() const noexcept { return in_one_; }
    void set_in_one() noexcept { in_one_ = true; }

  private:
    std::size_t least_chunk_;
    std::atomic<std::size_t> chunk_size_;
    std::atomic<bool> in_one_ = false;
};

// Begins a blob. One that fits into a chunk goes in one PUT; a larger one in PATCH requests, and after a
// break it goes on where the registry says it stopped. Chunks that are too large for the registry (413, 416)
// are halved; where it takes none at all the blob is collected in a temporary file and sent in one PUT. Where
// the registry forgot it (docker-registry 2.8 does whenever a chunk breaks) oci::UploadLost is thrown, unless
// all bytes are still in the chunk. An upload that is not finished is cancelled. `client` is kept and needs
// push access.
std::unique_ptr<oci::BlobUpload> start_blob_upload(
    std::shared_ptr<const DistributionClient> client, std::optional<std::uint64_t> size,
    std::shared_ptr<UploadManners> manners = std::make_shared<UploadManners>());

}  // namespace osb::registry

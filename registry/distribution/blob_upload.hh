// Uploads of blobs to a registry.
#pragma once

#include <atomic>
#include <memory>
#include <optional>

#include "oci/transports/image_sink.hh"
#include "registry/distribution/distribution_client.hh"

namespace osb::registry {

// The size of a chunk in bytes. A chunk stays in memory until the registry has it, so that it can be sent
// again. Some registries (ghcr.io) reject larger chunks. If a registry requires larger ones
// (OCI-Chunk-Min-Length), the upload uses that size, up to kMaxChunk.
inline constexpr std::size_t kDefaultChunk = 4UL * 1024 * 1024;
inline constexpr std::size_t kMaxChunk = 64UL * 1024 * 1024;
// The minimum size for halving. A server that rejects a chunk of this size has another reason.
inline constexpr std::size_t kLeastChunk = 64UL * 1024;

// The observed limits of a registry. All uploads to the registry share them, so that each need not find them
// again. Thread-safe.
class UploadManners {
  public:
    explicit UploadManners(std::size_t chunk_size = kDefaultChunk, std::size_t least_chunk = kLeastChunk)
        : least_chunk_(least_chunk), chunk_size_(chunk_size) {}

    std::size_t chunk_size() const noexcept { return chunk_size_; }
    std::size_t least_chunk() const noexcept { return least_chunk_; }
    void shrink(std::size_t chunk_size) noexcept;
    // True if blobs must be sent in a single request each, because the registry does not support chunks.
    bool in_one() const noexcept { return in_one_; }
    void set_in_one() noexcept { in_one_ = true; }

  private:
    std::size_t least_chunk_;
    std::atomic<std::size_t> chunk_size_;
    std::atomic<bool> in_one_ = false;
};

// Starts the upload of a blob. A blob that fits into a chunk is sent in one PUT; a larger one in PATCH
// requests. After an interruption, the upload continues at the position that the registry reports. Chunks
// that are too large for the registry (413, 416) are halved. If it does not support chunks, the blob is
// collected in a temporary file and sent in one PUT. If the registry lost the upload (docker-registry 2.8
// does that whenever a chunk is interrupted), throws oci::UploadLost, unless the chunk in memory still has
// all bytes. An unfinished upload is cancelled. Shares ownership of `client`, which needs push access.
std::unique_ptr<oci::BlobUpload> start_blob_upload(
    std::shared_ptr<const DistributionClient> client, std::optional<std::uint64_t> size,
    std::shared_ptr<UploadManners> manners = std::make_shared<UploadManners>());

}  // namespace osb::registry

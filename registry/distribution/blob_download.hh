// Downloads of blobs from a registry.
#pragma once

#include <cstdint>
#include <memory>

#include "base/stream.hh"
#include "oci/documents/manifest.hh"
#include "registry/distribution/distribution_client.hh"

namespace osb::registry {

// Opens the bytes of a blob, without verification. An interrupted download continues where it stopped: with a
// range request if the registry supports it, otherwise from the start, skipping the bytes that were read. The
// number of tries is limited, and so is the cost of a registry that fails after every few bytes. Throws
// Error: not_found; digest_mismatch if the registry reports another size than the descriptor. read() throws
// as DistributionClient does. Shares ownership of `client`.
std::unique_ptr<Source> open_blob_download(std::shared_ptr<const DistributionClient> client,
                                           const oci::Descriptor& descriptor);

// Opens `length` bytes from `offset` on; the range must lie in the blob. Throws Error{unsupported} with
// the code no_ranges if the registry does not answer with a part. Otherwise like open_blob_download().
std::unique_ptr<Source> open_range_download(std::shared_ptr<const DistributionClient> client,
                                            const oci::Descriptor& descriptor, std::uint64_t offset,
                                            std::uint64_t length);

}  // namespace osb::registry

// A blob on its way from a registry.
#pragma once

#include <cstdint>
#include <memory>

#include "base/stream.hh"
#include "oci/documents/manifest.hh"
#include "registry/distribution/distribution_client.hh"

namespace osb::registry {

// The bytes of a blob, not verified. A download that breaks goes on where it stopped: with a range where the
// registry serves it, else from the start with what was read already passed over. The tries are bounded, and
// so is what a registry that breaks after every few bytes may cost. Throws Error at once: not_found,
// digest_mismatch when the registry says another size than the descriptor. read() throws what
// DistributionClient does. `client` is kept.
std::unique_ptr<Source> open_blob_download(std::shared_ptr<const DistributionClient> client,
                                           const oci::Descriptor& descriptor);

// The same for `length` bytes from `offset` on, which must lie in the blob: as a range where the registry
// serves them, else the bytes before are passed over.
std::unique_ptr<Source> open_range_download(std::shared_ptr<const DistributionClient> client,
                                            const oci::Descriptor& descriptor, std::uint64_t offset,
                                            std::uint64_t length);

}  // namespace osb::registry

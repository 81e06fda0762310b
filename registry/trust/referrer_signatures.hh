// The signatures of an image in manifests that refer to it: bundles, as cosign 3 stores them (cosign,
// specs/BUNDLE_SPEC.md), and payloads of "simple signing" (cosign --registry-referrers-mode=oci-1-1).
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "oci/documents/digest.hh"
#include "oci/documents/reference.hh"
#include "registry/distribution/registry_access.hh"
#include "registry/trust/image_signature.hh"

namespace osb::registry {

// The maximum number of referrers of an image that are read; further ones are ignored. Attestations do not
// count if the list names them as such.
inline constexpr std::size_t kMaxReferrers = 100;

// Reads at most `limit` signatures of the manifest from its referrers: at the registry or mirror of `client`
// those of the referrers API or of the referrers tag; without a client, in a layout, those in index.json.
// Fetches each by its digest, and it must refer to the manifest. A malformed, missing or oversized one is
// skipped, because anyone who can write to the repository can add it. Throws Error: unavailable if the
// registry fails, and io, which are never taken for "not signed"; invalid and too_large for a malformed list.
FoundSignatures read_referrer_signatures(const oci::Reference& image, const oci::Digest& manifest,
                                         std::size_t limit,
                                         const std::shared_ptr<const DistributionClient>& client);

// The same at the registry itself, or in the layout.
FoundSignatures read_referrer_signatures(const oci::Reference& image, const oci::Digest& manifest,
                                         std::size_t limit, const RegistryOptions& options);

}  // namespace osb::registry

// Writing of manifests that refer to another one (`subject`): distribution specification, "Pushing Manifests
// with Subject". registry/distribution/listing.hh lists them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "registry/distribution/distribution_client.hh"

namespace osb::registry {

// Stores a manifest or an index under `reference` and under `tags` (which require a digest as the reference).
// If it has a subject and the registry does not report support for referrers, also adds it to the index under
// the referrers tag, unless it is there already. If the registry sends a version of that index (ETag), a
// concurrent change is detected, and the update is repeated a limited number of times. If the registry
// refuses the index, entries whose manifests are gone are removed from it. Throws Error: invalid if the
// referrers tag does not name an index; otherwise as DistributionClient.
void publish_manifest(const DistributionClient& client, const std::string& reference, const std::string& raw,
                      std::string_view media_type, const std::vector<std::string>& tags = {});

// Removes these manifests from the index under the subject's referrers tag. Returns false if it has none of
// them. Does not delete the manifests. Throws as publish_manifest().
bool forget_referrers(const DistributionClient& client, const oci::Digest& subject,
                      const std::vector<oci::Digest>& manifests);

}  // namespace osb::registry

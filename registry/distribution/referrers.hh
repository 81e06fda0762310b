// Manifests that refer to another one (`subject`), as they are written: distribution specification, "Pushing
// Manifests with Subject". How they are found again: registry/distribution/listing.hh.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "registry/distribution/distribution_client.hh"

namespace osb::registry {

// Puts a manifest or an index under `reference` and under `tags` (which need a digest as the reference). When
// it has a subject and the registry does not say that it keeps account of referrers, it is entered into the
// index under the tag that stands in for them; an entry that is there already stays. Where the registry names
// the version of that index (ETag) a change by somebody else meanwhile is noticed and taken in, a bounded
// number of times. Throws Error: invalid when what lies under that tag is no index, else as
// DistributionClient.
void publish_manifest(const DistributionClient& client, const std::string& reference, const std::string& raw,
                      std::string_view media_type, const std::vector<std::string>& tags = {});

}  // namespace osb::registry

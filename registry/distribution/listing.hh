// What there is in a repository: its tags, and what refers to a manifest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/documents/manifest.hh"
#include "registry/distribution/distribution_client.hh"

namespace osb::registry {

// The most entries that a listing may have, and the most pages that are asked for.
inline constexpr std::size_t kMaxListed = 100'000;
inline constexpr std::size_t kMaxPages = 1'000;

// All tags, in the registry's order, without those that break the grammar of tags. Throws Error: not_found
// for an unknown repository, unavailable, too_large beyond the limits, and for pages that go in a circle or
// elsewhere.
std::vector<std::string> list_tags(const DistributionClient& client);

// The first tags as one page of at most `count` has them; none when the registry does not list any, for
// whatever reason. For advice.
std::vector<std::string> list_some_tags(const DistributionClient& client, std::size_t count);

// The manifests whose subject is `digest`, of `artifact_type` alone unless that is "". Where the registry
// knows no referrers the tag that stands in for them is read (distribution specification, "Referrers Tag
// Schema"). Not verified: each is to be fetched by its digest.
std::vector<oci::Descriptor> list_referrers(const DistributionClient& client, const oci::Digest& digest,
                                            const std::string& artifact_type = "");

// The target of the header Link whose relation is "next" (RFC 8288, as far as registries use it); nothing
// when there is none.
std::optional<std::string> next_link(const HeaderList& headers);
// The tags on one page, without those that break the grammar of tags. Throws Error naming `what`: invalid,
// and too_large beyond kMaxListed.
std::vector<std::string> parse_tags(const std::string& body, const std::string& what);

// The tag that stands in for the referrers API: "sha256-<64 digits>".
std::string referrers_tag(const oci::Digest& digest);

}  // namespace osb::registry

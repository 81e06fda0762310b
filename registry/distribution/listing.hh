// Listings of a repository: its tags, and the referrers of a manifest.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "oci/documents/manifest.hh"
#include "registry/distribution/distribution_client.hh"

namespace osb::registry {

// The maximum number of entries of a listing, and of pages to request.
inline constexpr std::size_t kMaxListed = 100'000;
inline constexpr std::size_t kMaxPages = 1'000;
// The maximum size of all pages together, in bytes.
inline constexpr std::size_t kMaxListingBytes = 32UL * 1024 * 1024;

// All tags in the registry's order, without malformed ones. Throws Error: not_found for an unknown
// repository; unavailable; too_large above the limits; also if the pages repeat or lead to another place.
std::vector<std::string> list_tags(const DistributionClient& client);

// The tags of a first page with at most `count` entries; empty if the registry does not list tags, for any
// reason. For advice in messages.
std::vector<std::string> list_some_tags(const DistributionClient& client, std::size_t count);

// How long to wait for a registry.
enum class Patience {
    usual,   // with retries
    limited  // 10 s and without retries, for what the caller can do without
};

// The manifests whose subject is `digest`, only those of `artifact_type` unless it is "". If the registry
// does not support the referrers API, reads the referrers tag (distribution specification, "Referrers Tag
// Schema"). The result is not verified: fetch each manifest by its digest. Throws as list_tags(); too_large
// above `max_bytes`.
std::vector<oci::Descriptor> list_referrers(const DistributionClient& client, const oci::Digest& digest,
                                            const std::string& artifact_type = "",
                                            Patience patience = Patience::usual,
                                            std::size_t max_bytes = kMaxListingBytes);

// The target of the header Link with the relation "next" (RFC 8288, as far as registries use it), or nullopt.
std::optional<std::string> next_link(const HeaderList& headers);
// Parses the tags of one page and drops malformed ones. Throws Error naming `what`: invalid; too_large above
// kMaxListed.
std::vector<std::string> parse_tags(const std::string& body, const std::string& what);

}  // namespace osb::registry

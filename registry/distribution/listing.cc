#include "registry/distribution/listing.hh"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>
#include <set>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "oci/documents/json.hh"
#include "oci/documents/media_type.hh"
#include "oci/documents/signature_tag.hh"

namespace osb::registry {
namespace {

using oci::Json;

constexpr std::size_t kMaxPage = 4UL * 1024 * 1024;
constexpr std::size_t kTagsWanted = 1000;
constexpr std::chrono::minutes kPageTime{2};
constexpr std::chrono::seconds kHintTime{10};

// A list to read.
struct Listing {
    Url url;
    HeaderList headers;
    std::string what;
    std::vector<int> missing = {404};  // the statuses of a registry that does not have it
    bool is_optional = false;          // so does a web page, which some registries answer unknown paths with
    Patience patience = Patience::usual;
    std::size_t max_bytes = kMaxListingBytes;
};

bool is_web_page(const HttpResponse& response) {
    const auto type = response.header("content-type");
    return response.status == 200 && type && oci::media_type_essence(*type) == "text/html";
}

// Calls take(body, response) for each page. Returns false if the first page does not exist.
template<typename Take>
bool each_page(const DistributionClient& client, const Listing& listing, const Take& take) {
    const std::string& what = listing.what;
    Url url = listing.url;
    std::set<std::string> seen;
    std::size_t bytes = 0;
    const Url first = url;
    for (std::size_t page = 0; page < kMaxPages; ++page) {
        // Compare path and query, because absolute and relative links to a page are equal.
        if (!seen.insert(url.target).second) {
            throw Error(ErrorKind::unavailable, concat(what, ": the pages form a loop"));
        }
        const bool is_usual = listing.patience == Patience::usual;
        DistributionClient::Reply reply =
            client.fetch_document({.url = url,
                                   .headers = listing.headers,
                                   .scopes = client.scopes(),
                                   .retry = is_usual,
                                   .total_time = is_usual ? kPageTime : kHintTime},
                                  kMaxPage, what);
        const bool is_missing = std::find(listing.missing.begin(), listing.missing.end(),
                                          reply.response.status) != listing.missing.end() ||
                                (listing.is_optional && is_web_page(reply.response));
        if (page == 0 && is_missing) {
            discard_body(reply.response);  // the connection is used again
            return false;
        }
        if (reply.response.status != 200) client.session().fail(reply.response, what);
        bytes += reply.body.size();
        if (bytes > listing.max_bytes)
            throw Error(ErrorKind::too_large, concat(what, ": more than ", listing.max_bytes, " bytes"));
        take(reply.body, reply.response);
        const std::optional<std::string> link = next_link(reply.response.headers);
        if (!link) return true;
        const std::optional<Url> next = url.resolve(*link);
        if (!next || !next->same_origin(first)) {
            throw Error(ErrorKind::unavailable,
                        concat(what, ": the next page is on another server: ", quoted(*link)));
        }
        url = *next;
    }
    throw Error(ErrorKind::too_large, concat(what, ": more than ", kMaxPages, " pages"));
}

bool is_tag(std::string_view text) {
    if (text.empty() || text.size() > 128 || text.front() == '.' || text.front() == '-') return false;
    return std::all_of(text.begin(), text.end(), [](char c) {
        return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' ||
               c == '.' || c == '-';
    });
}

void check_count(std::size_t count, const std::string& what) {
    if (count > kMaxListed)
        throw Error(ErrorKind::too_large, concat(what, ": more than ", kMaxListed, " entries"));
}

}  // namespace

std::optional<std::string> next_link(const HeaderList& headers) {
    for (const auto& [name, value] : headers) {
        if (name != "link") continue;
        // A header may have several links: <target>; parameters, <target>; parameters.
        std::size_t open = value.find('<');
        while (open != std::string::npos) {
            const std::size_t close = value.find('>', open);
            if (close == std::string::npos) break;
            const std::size_t following = value.find('<', close);
            const std::string parameters = to_lower(value.substr(close + 1, following - close - 1));
            const bool next = parameters.find("rel=\"next\"") != std::string::npos ||
                              parameters.find("rel=next") != std::string::npos;
            if (next) return value.substr(open + 1, close - open - 1);
            open = following;
        }
    }
    return std::nullopt;
}

std::vector<std::string> parse_tags(const std::string& body, const std::string& what) {
    std::vector<std::string> out;
    const Json page = oci::parse_json(body, what);
    const auto tags = page.is_object() ? page.find("tags") : page.end();
    if (!page.is_object() || tags == page.end())
        throw Error(ErrorKind::invalid, concat(what, " is malformed"));
    if (tags->is_null()) return out;  // some registries write null for an empty list
    if (!tags->is_array()) throw Error(ErrorKind::invalid, concat(what, " is malformed"));
    for (const Json& tag : *tags) {
        if (tag.is_string() && is_tag(tag.get_ref<const std::string&>()))
            out.push_back(tag.get<std::string>());
    }
    check_count(out.size(), what);
    return out;
}

std::vector<std::string> list_tags(const DistributionClient& client) {
    const std::string what = concat("the list of tags of ", quoted(client.name()));
    Url url = client.url("tags/list");
    url.add_query("n", std::to_string(kTagsWanted));
    std::vector<std::string> out;
    const bool found = each_page(client, {.url = url, .headers = {}, .what = what},
                                 [&](const std::string& body, const HttpResponse&) {
                                     const std::vector<std::string> more = parse_tags(body, what);
                                     out.insert(out.end(), more.begin(), more.end());
                                     check_count(out.size(), what);
                                 });
    if (!found) throw Error(ErrorKind::not_found, concat("no repository ", quoted(client.name())));
    return out;
}

std::vector<std::string> list_some_tags(const DistributionClient& client, std::size_t count) {
    const std::string what = concat("the list of tags of ", quoted(client.name()));
    std::vector<std::string> out;
    try {
        Url url = client.url("tags/list");
        url.add_query("n", std::to_string(count));
        const DistributionClient::Reply reply = client.fetch_document(
            {.url = url, .scopes = client.scopes(), .retry = false, .total_time = kHintTime}, kMaxPage, what);
        if (reply.response.status == 200) out = parse_tags(reply.body, what);
    } catch (const Error& error) {
        log_debug(error.message());  // a failure here must not hide the original error
    }
    if (out.size() > count) out.resize(count);
    return out;
}

std::vector<oci::Descriptor> list_referrers(const DistributionClient& client, const oci::Digest& digest,
                                            const std::string& artifact_type, Patience patience,
                                            std::size_t max_bytes) {
    const std::string what = concat("the referrers of ", digest.to_string(), " in ", quoted(client.name()));
    Url url = client.url("referrers/" + digest.to_string());
    if (!artifact_type.empty()) url.add_query("artifactType", artifact_type);
    // The specification has 404 alone for a registry without the API, but servers also refuse the form of the
    // request. The tag answers then.
    const Listing listing{.url = url,
                          .headers = {{"Accept", std::string(oci::kMediaTypeIndex)}},
                          .what = what,
                          .missing = {404, 400, 405, 406, 501},
                          .is_optional = true,
                          .patience = patience,
                          .max_bytes = max_bytes};
    std::vector<oci::Descriptor> out;
    const auto take = [&](std::string_view body) {
        oci::Index index = oci::Index::parse(body, oci::kMediaTypeIndex);
        // Filter in any case, because a registry may ignore the filter.
        for (oci::Descriptor& entry : index.manifests) {
            const bool wanted = artifact_type.empty() || entry.artifact_type == artifact_type;
            if (wanted) out.push_back(std::move(entry));
        }
        check_count(out.size(), what);
    };
    const bool known =
        each_page(client, listing, [&](const std::string& body, const HttpResponse&) { take(body); });
    if (known) return out;
    try {
        take(client.get_manifest(oci::referrers_tag(digest)).raw);
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::not_found) throw;  // not found: there are no referrers
    }
    return out;
}

}  // namespace osb::registry

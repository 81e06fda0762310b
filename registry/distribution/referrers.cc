#include "registry/distribution/referrers.hh"

#include <algorithm>
#include <nlohmann/json.hpp>
#include <optional>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "oci/documents/manifest.hh"
#include "oci/documents/signature_tag.hh"
#include "registry/distribution/listing.hh"

namespace osb::registry {
namespace {

using oci::Json;

constexpr unsigned kMaxChanges = 8;
// The number of entries whose manifests are looked for after a refusal.
constexpr std::size_t kMaxLookedFor = 1000;
constexpr std::chrono::minutes kTime{5};

std::optional<oci::Digest> subject_of(const Json& document) {
    const Json* subject = oci::find_member(document, "subject");
    if (subject == nullptr) return std::nullopt;
    return oci::Digest::parse(oci::text_or_empty(*subject, "digest"));
}

// The entry for a manifest in the index: "Pushing Manifests with Subject", step 4.
Json entry_of(const Json& document, const std::string& raw, std::string_view media_type,
              const oci::Digest& digest) {
    Json out{{"mediaType", media_type}, {"digest", digest.to_string()}, {"size", raw.size()}};
    std::string type = oci::text_or_empty(document, "artifactType");
    if (type.empty()) type = oci::text_or_empty(oci::member_or_null(document, "config"), "mediaType");
    if (!type.empty()) out["artifactType"] = type;
    const Json& annotations = oci::member_or_null(document, "annotations");
    if (annotations.is_object()) out["annotations"] = annotations;
    return out;
}

struct StandIn {
    Json index;
    std::string version;  // ETag; "" if there is none
};

StandIn fetch_stand_in(const DistributionClient& client, const std::string& tag, const std::string& what) {
    const DistributionClient::Reply reply =
        client.fetch_document({.url = client.url("manifests/" + tag),
                               .headers = {{"Accept", std::string(oci::kMediaTypeIndex)}},
                               .scopes = client.scopes(),
                               .total_time = kTime},
                              oci::kMaxDocument, what);
    HttpResponse response{
        .status = reply.response.status, .headers = reply.response.headers, .body = nullptr};
    if (response.status == 404) {
        return {.index = {{"schemaVersion", 2},
                          {"mediaType", oci::kMediaTypeIndex},
                          {"manifests", Json::array()}},
                .version = {}};
    }
    if (response.status != 200) client.session().fail(response, what);
    const auto type = response.header("content-type");
    if (type && oci::media_type_essence(*type) != oci::kMediaTypeIndex) {
        throw Error(ErrorKind::invalid, concat(what, " is not an index, but ", quoted(*type)));
    }
    return with_context([&] { return what; },
                        [&]() -> StandIn {
                            static_cast<void>(oci::Index::parse(reply.body, oci::kMediaTypeIndex));
                            return {.index = oci::parse_json(reply.body, "index"),
                                    .version = std::string(response.header("etag").value_or(""))};
                        });
}

bool has_entry(const Json& index, const std::string& digest) {
    const Json& entries = index.at("manifests");
    return std::any_of(entries.begin(), entries.end(),
                       [&](const Json& entry) { return oci::text_or_empty(entry, "digest") == digest; });
}

// Removes the entries whose manifests the registry does not have. Returns false if there are none.
bool drop_gone(const DistributionClient& client, Json& index) {
    Json kept = Json::array();
    const Json& entries = index.at("manifests");
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const bool is_gone =
            i < kMaxLookedFor && !client.head_manifest(oci::text_or_empty(entries[i], "digest"));
        if (!is_gone) kept.push_back(entries[i]);
    }
    if (kept.size() == entries.size()) return false;
    index["manifests"] = std::move(kept);
    return true;
}

// Stores the index under the tag. Some registries (docker-registry) refuse an index that names a manifest
// which they do not have, and one entry that is gone would keep all others out.
ManifestPutResult put_index(const DistributionClient& client, const std::string& tag, StandIn found,
                            const std::string& what) {
    const auto put = [&](bool returns_refusal) {
        const std::string raw = found.index.dump();
        if (raw.size() > oci::kMaxDocument) {
            throw Error(ErrorKind::too_large, concat(what, " is full: ", oci::kMaxDocument, " bytes"));
        }
        return client.put_manifest(
            tag, raw, oci::kMediaTypeIndex,
            {.tags = {}, .only_over = found.version, .returns_refusal = returns_refusal});
    };
    ManifestPutResult out = put(true);
    if (!out.refusal) return out;
    if (!drop_gone(client, found.index)) throw Error(*out.refusal);
    return put(false);
}

// Changes the index under the referrers tag. `edit` returns false if there is nothing to change, and so does
// this.
template<typename Edit>
bool change_index(const DistributionClient& client, const oci::Digest& subject, const Edit& edit) {
    const std::string tag = oci::referrers_tag(subject);
    const std::string what = concat("the index of referrers ", quoted(tag), " of ", quoted(client.name()));
    for (unsigned change = 0; change < kMaxChanges; ++change) {
        StandIn found = fetch_stand_in(client, tag, what);
        if (!edit(found.index)) return false;
        if (!put_index(client, tag, std::move(found), what).changed_meanwhile) return true;
    }
    throw Error(ErrorKind::unavailable, concat(what, " keeps being changed by other clients"));
}

void enter(const DistributionClient& client, const oci::Digest& subject, const Json& entry) {
    change_index(client, subject, [&entry](Json& index) {
        if (has_entry(index, oci::text_or_empty(entry, "digest"))) return false;
        index["manifests"].push_back(entry);
        return true;
    });
}

}  // namespace

bool forget_referrers(const DistributionClient& client, const oci::Digest& subject,
                      const std::vector<oci::Digest>& manifests) {
    return change_index(client, subject, [&manifests](Json& index) {
        Json kept = Json::array();
        for (const Json& entry : index.at("manifests")) {
            const std::string digest = oci::text_or_empty(entry, "digest");
            const bool is_gone =
                std::any_of(manifests.begin(), manifests.end(),
                            [&](const oci::Digest& gone) { return gone.to_string() == digest; });
            if (!is_gone) kept.push_back(entry);
        }
        if (kept.size() == index.at("manifests").size()) return false;
        index["manifests"] = std::move(kept);
        return true;
    });
}

void publish_manifest(const DistributionClient& client, const std::string& reference, const std::string& raw,
                      std::string_view media_type, const std::vector<std::string>& tags) {
    const auto result = client.put_manifest(reference, raw, media_type, {.tags = tags});
    for (const std::string& tag : tags) {
        const bool done = std::find(result.tags.begin(), result.tags.end(), tag) != result.tags.end();
        if (!done) static_cast<void>(client.put_manifest(tag, raw, media_type));
    }
    if (result.subject_kept) return;
    const Json document = oci::parse_json(raw, "manifest");
    const std::optional<oci::Digest> subject = subject_of(document);
    if (!subject) return;
    const bool by_digest = reference.find(':') != std::string::npos;
    const oci::Digest digest = by_digest ? oci::Digest::parse(reference) : oci::Digest::of(as_bytes(raw));
    enter(client, *subject, entry_of(document, raw, media_type, digest));
}

}  // namespace osb::registry

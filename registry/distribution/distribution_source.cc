#include "registry/distribution/distribution_source.hh"

#include <atomic>
#include <mutex>
#include <nlohmann/json.hpp>
#include <set>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "oci/documents/json.hh"
#include "registry/auth/text_source.hh"
#include "registry/distribution/blob_download.hh"
#include "registry/distribution/listing.hh"

namespace osb::registry {
namespace {

using Client = std::shared_ptr<const DistributionClient>;

constexpr std::size_t kTagsShown = 10;
// The maximum number of fetches of a document whose bytes do not match its digest.
constexpr unsigned kMaxFetches = 3;

bool is_document(const oci::Descriptor& descriptor) {
    const std::string type = oci::media_type_essence(descriptor.media_type);
    return type == oci::kMediaTypeManifest || type == oci::kMediaTypeIndex ||
           type == oci::kMediaTypeDockerManifest || type == oci::kMediaTypeDockerManifestList;
}

bool is_config(const oci::Descriptor& descriptor) {
    const std::string type = oci::media_type_essence(descriptor.media_type);
    return (type == oci::kMediaTypeConfig || type == oci::kMediaTypeDockerConfig) &&
           descriptor.size <= oci::kMaxDocument;
}

// The member mediaType, "" if it is missing.
std::string own_media_type(const std::string& raw) {
    try {
        const oci::Json document = oci::parse_json(raw, "manifest");
        const auto found = document.is_object() ? document.find("mediaType") : document.end();
        if (found != document.end() && found->is_string()) return found->get<std::string>();
    } catch (const Error& error) {
        log_debug(error.message());  // the reader of the manifest reports the error
    }
    return {};
}

// Sets the media type of a document whose digest is verified. `expected` has precedence, then the document's
// own mediaType, then the type that the server sent.
void settle_media_type(oci::Document& document, const std::string& expected, const std::string& name) {
    const std::string type = expected.empty() ? own_media_type(document.raw) : expected;
    if (type.empty()) return;
    const bool differs = oci::media_type_essence(type) != oci::media_type_essence(document.media_type);
    if (differs && !document.media_type.empty()) {
        log_warning(concat("registry ", quoted(name), " reports the media type ", quoted(document.media_type),
                           " for a manifest of the type ", quoted(type)));
    }
    document.media_type = type;
}

// Calls `fetch`, and repeats it if the bytes do not match the digest: a cache on the way may be corrupt.
template<typename Fetch>
std::string fetch_verified(const oci::Digest& digest, std::string_view what, const Fetch& fetch) {
    for (unsigned i = 1;; ++i) {
        std::string out = fetch();
        const oci::Digest got = oci::Digest::of(as_bytes(out), digest.algorithm());
        if (got == digest) return out;
        if (i == kMaxFetches) {
            throw Error(ErrorKind::digest_mismatch,
                        concat(what, ": expected ", digest.to_string(), ", got ", got.to_string()));
        }
    }
}

oci::Document fetch_by_digest(const DistributionClient& client, const oci::Digest& digest) {
    oci::Document out;
    out.raw = fetch_verified(digest, concat("manifest of ", quoted(client.name())), [&] {
        out = client.get_manifest(digest.to_string());
        return std::move(out.raw);
    });
    return out;
}

std::string fetch_config(const Client& client, const oci::Descriptor& descriptor) {
    return fetch_verified(descriptor.digest, concat("config of ", quoted(client->name())), [&] {
        return read_all(*open_blob_download(client, descriptor), oci::kMaxDocument, "config");
    });
}

std::string tags_hint(const DistributionClient& client) {
    // Request one more than is shown, to detect further tags.
    const std::vector<std::string> tags = list_some_tags(client, kTagsShown + 1);
    std::string out;
    for (std::size_t i = 0; i < tags.size() && i < kTagsShown; ++i) {
        out += concat(out.empty() ? "available: " : ", ", escape(tags[i]));
    }
    return tags.size() > kTagsShown ? out + ", ..." : out;
}

class DistributionSource final : public oci::ImageSource {
  public:
    DistributionSource(oci::Reference reference, std::vector<Client> endpoints)
        : reference_(std::move(reference)), endpoints_(std::move(endpoints)) {}

    oci::Document root() override {
        if (!reference_.digest.empty()) {
            const oci::Digest digest = oci::Digest::parse(reference_.digest);
            return first_that([&](const Client& client) {
                oci::Document out = fetch_by_digest(*client, digest);
                settle_media_type(out, "", client->name());
                return out;
            });
        }
        const std::string& tag = reference_.tag;
        try {
            return first_that(
                [&](const Client& client) { return client->get_manifest(tag.empty() ? "latest" : tag); });
        } catch (Error& error) {
            if (error.kind() != ErrorKind::not_found || !error.hint().empty()) throw;
            std::string hint = tags_hint(*endpoints_.back());
            if (!hint.empty()) error.hint(std::move(hint));
            throw;
        }
    }

    std::unique_ptr<Source> open_blob(const oci::Descriptor& descriptor) override {
        return first_that([&](const Client& client) -> std::unique_ptr<Source> {
            if (is_document(descriptor)) {
                oci::Document document = fetch_by_digest(*client, descriptor.digest);
                settle_media_type(document, descriptor.media_type, client->name());
                return std::make_unique<TextSource>(std::move(document.raw));
            }
            if (is_config(descriptor)) return std::make_unique<TextSource>(fetch_config(client, descriptor));
            return open_blob_download(client, descriptor);
        });
    }

    std::unique_ptr<Source> open_range(const oci::Descriptor& descriptor, std::uint64_t offset,
                                       std::uint64_t length) override {
        // Others wait for the first range: a registry that serves none may send the whole blob. Whatever
        // becomes of it, they wait for one only: each try may last minutes if the network fails.
        std::unique_lock probe(probe_mutex_, std::defer_lock);
        const bool is_part = length < descriptor.size;
        if (is_part && !is_probed_) probe.lock();
        if (no_ranges_) {
            throw Error(ErrorKind::unsupported, "the registry sends whole blobs only").code("no_ranges");
        }
        if (probe.owns_lock() && is_probed_) probe.unlock();
        try {
            std::unique_ptr<Source> out = first_that([&](const Client& client) {
                return open_range_download(client, descriptor, offset, length);
            });
            if (is_part) is_probed_ = true;
            return out;
        } catch (const Error& error) {
            if (error.code() == "no_ranges") no_ranges_ = true;
            if (is_part) is_probed_ = true;
            throw;
        }
    }

    std::vector<oci::Descriptor> referrers(const oci::Digest& manifest,
                                           const std::string& artifact_type) override {
        std::vector<oci::Descriptor> out;
        std::set<oci::Digest> digests;
        bool has_answer = false;
        for (const Client& client : endpoints_) {
            try {
                const Patience patience = has_answer ? Patience::limited : Patience::usual;
                for (oci::Descriptor& entry : list_referrers(*client, manifest, artifact_type, patience)) {
                    if (digests.insert(entry.digest).second) out.push_back(std::move(entry));
                }
                has_answer = true;
            } catch (const Error& error) {
                if (!has_answer && client == endpoints_.back()) throw;
                // A machine that reaches only its mirrors is not warned each time.
                if (has_answer) {
                    log_debug(error.message());
                } else {
                    log_warning(error.message());
                }
            }
        }
        return out;
    }

    oci::Traffic traffic() const override { return endpoints_.front()->session().traffic(); }

  private:
    // Calls `ask` for the current endpoint, then for the other ones until it succeeds.
    template<typename Ask>
    auto first_that(const Ask& ask) -> decltype(ask(std::declval<const Client&>())) {
        const std::size_t first = current_;
        for (std::size_t i = 0;; ++i) {
            const std::size_t index = (first + i) % endpoints_.size();
            try {
                auto out = ask(endpoints_[index]);
                current_ = index;
                return out;
            } catch (const Error& error) {
                if (i + 1 == endpoints_.size()) throw;
                log_warning(error.message());
            }
        }
    }

    oci::Reference reference_;
    std::vector<Client> endpoints_;
    std::atomic<std::size_t> current_ = 0;
    std::atomic<bool> no_ranges_ = false;  // an endpoint did not serve a range as asked
    std::atomic<bool> is_probed_ = false;  // the first request for a range has ended
    std::mutex probe_mutex_;               // held during the first request for a range
};

}  // namespace

std::shared_ptr<oci::ImageSource> open_distribution_source(const oci::Reference& reference,
                                                           std::vector<Client> endpoints) {
    if (endpoints.empty()) throw Error(ErrorKind::internal, "an image without an endpoint");
    return std::make_shared<DistributionSource>(reference, std::move(endpoints));
}

}  // namespace osb::registry

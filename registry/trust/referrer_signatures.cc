#include "registry/trust/referrer_signatures.hh"

#include <algorithm>
#include <memory>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/artifact.hh"
#include "oci/documents/signature_tag.hh"
#include "oci/transports/image.hh"
#include "oci/transports/layout_source.hh"
#include "registry/distribution/distribution_source.hh"
#include "registry/distribution/listing.hh"
#include "registry/trust/in_toto_statement.hh"
#include "registry/trust/signature_layers.hh"
#include "registry/trust/sigstore_bundle.hh"

namespace osb::registry {
namespace {

constexpr std::string_view kPayloadArtifact = "application/vnd.dev.cosign.artifact.sig.v1+json";
constexpr const char* kPredicateAnnotation = "dev.sigstore.bundle.predicateType";

using ReferrerEntries = std::vector<oci::Descriptor>;

bool has_signature_type(const oci::Descriptor& entry) {
    return is_bundle_type(entry.artifact_type) || entry.artifact_type == kPayloadArtifact;
}

// True if the entry may have signatures. cosign's registry library before 0.22.1 lists the type of the config
// as that of the artifact, so a general type says nothing.
bool may_have_signatures(const oci::Descriptor& entry) {
    if (oci::media_type_essence(entry.media_type) != oci::kMediaTypeManifest) return false;
    const auto predicate = entry.annotations.find(kPredicateAnnotation);
    const bool is_attestation =
        predicate != entry.annotations.end() && predicate->second != kSignaturePredicate;
    if (is_attestation) return false;
    return has_signature_type(entry) || entry.artifact_type.empty() ||
           entry.artifact_type == oci::kMediaTypeEmpty || entry.artifact_type == oci::kMediaTypeConfig;
}

// The entries to read, those that say that they are signatures first.
ReferrerEntries signature_candidates(ReferrerEntries entries) {
    std::erase_if(entries, [](const oci::Descriptor& entry) { return !may_have_signatures(entry); });
    std::stable_partition(entries.begin(), entries.end(), has_signature_type);
    if (entries.size() > kMaxReferrers) entries.erase(entries.begin() + kMaxReferrers, entries.end());
    return entries;
}

// The entries of a layout do not show what they refer to. Some writers also keep the index of the referrers
// tag.
ReferrerEntries layout_entries(oci::ImageSource& source, const oci::Reference& image,
                               const oci::Digest& manifest) {
    const std::string tag = oci::referrers_tag(manifest);
    ReferrerEntries out;
    for (oci::Descriptor& entry : oci::read_layout_index(image.location).manifests) {
        const auto name = entry.annotations.find(oci::kRefName);
        const bool is_named = name != entry.annotations.end();
        const bool is_image = is_named || entry.platform || entry.digest == manifest;
        if (!is_image || has_signature_type(entry)) {
            out.push_back(std::move(entry));
        } else if (is_named && name->second == tag) {
            ReferrerEntries more =
                oci::Index::parse(oci::read_document(source, entry, "index of referrers"), entry.media_type)
                    .manifests;
            out.insert(out.end(), more.begin(), more.end());
        }
    }
    return signature_candidates(std::move(out));
}

FoundSignatures read_referrer(oci::ImageSource& source, const oci::Descriptor& entry,
                              const oci::Digest& manifest, std::size_t limit) {
    const auto artifact =
        oci::Artifact::parse(oci::read_document(source, entry, "referrer"), entry.media_type);
    if (!artifact.subject || artifact.subject->digest != manifest) return {};
    const bool is_bundle = artifact.layers.size() == 1 && is_bundle_type(artifact.layers[0].media_type);
    if (is_bundle) {
        const std::string bundle = read_signature_blob(source, artifact.layers[0], kMaxBundle);
        return {.signatures = {parse_bundle(bundle)}, .problem = {}};
    }
    return read_payload_layers(source, artifact.layers, limit);
}

}  // namespace

FoundSignatures read_referrer_signatures(const oci::Reference& image, const oci::Digest& manifest,
                                         std::size_t limit, const RegistryOptions& options) {
    const bool is_docker = image.transport == oci::Transport::docker;
    return read_referrer_signatures(
        image, manifest, limit,
        is_docker ? RegistryAccess(options).clients(image.with_digest(manifest), Endpoints::registry).at(0)
                  : nullptr);
}

FoundSignatures read_referrer_signatures(const oci::Reference& image, const oci::Digest& manifest,
                                         std::size_t limit,
                                         const std::shared_ptr<const DistributionClient>& client) {
    const oci::Reference by_digest = image.with_digest(manifest);
    std::shared_ptr<oci::ImageSource> source;
    ReferrerEntries entries;
    if (client) {
        entries = signature_candidates(list_referrers(*client, manifest));
        source = open_distribution_source(by_digest, {client});
    } else if (image.transport == oci::Transport::oci) {
        source = oci::open_layout(image.location, image.tag);
        entries = layout_entries(*source, image, manifest);
    }
    FoundSignatures out;
    for (const oci::Descriptor& entry : entries) {
        if (out.signatures.size() >= limit) break;
        try {
            FoundSignatures more = read_referrer(*source, entry, manifest, limit - out.signatures.size());
            out.signatures.insert(out.signatures.end(), more.signatures.begin(), more.signatures.end());
            if (out.problem.empty()) out.problem = std::move(more.problem);
        } catch (const Error& error) {
            if (!is_about_content(error.kind())) throw;
            if (out.problem.empty())
                out.problem = concat("referrer ", entry.digest.short_string(), ": ", error.message());
        }
    }
    return out;
}

}  // namespace osb::registry

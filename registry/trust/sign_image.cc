#include "registry/trust/sign_image.hh"

#include <algorithm>
#include <ctime>
#include <string_view>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/manifest.hh"
#include "oci/transports/image.hh"
#include "registry/transports/open_source.hh"
#include "registry/trust/image_signatures.hh"
#include "registry/trust/signed_identity.hh"
#include "registry/trust/simple_signing.hh"
#include "registry/trust/verify_image.hh"

namespace osb::registry {
namespace {

constexpr std::string_view kCreator = "osb-oci " OSB_VERSION;

// The digests of the document and, for an index, of its images, at any depth that open_image() follows.
void collect(oci::ImageSource& source, const std::string& raw, const std::string& media_type,
             std::vector<oci::Digest>& out, unsigned depth) {
    constexpr unsigned kMaxDepth = 4;
    const bool is_index = (media_type.empty() ? oci::sniff_document_kind(raw)
                                              : oci::document_kind(media_type)) == oci::DocumentKind::index;
    if (!is_index) return;
    if (depth == kMaxDepth) throw Error(ErrorKind::invalid, "indexes are nested too deeply");
    for (const oci::Descriptor& entry : oci::Index::parse(raw, media_type).manifests) {
        if (std::find(out.begin(), out.end(), entry.digest) != out.end()) continue;
        const std::string child = oci::read_document(source, entry, "manifest");
        out.push_back(entry.digest);
        collect(source, child, entry.media_type, out, depth + 1);
    }
}

DockerName parse_identity(const std::string& given) {
    try {
        return DockerName::parse(given);
    } catch (const Error& error) {
        throw Error(ErrorKind::usage, concat("--identity: ", error.message())).hint("write HOST/NAME:TAG");
    }
}

// A name for a payload. Signatures without a tag are refused by the default rule of policies.
std::string identity_of(const oci::Reference& image, const std::string& given) {
    if (!given.empty()) {
        const DockerName name = parse_identity(given);
        if (name.tag.empty())
            throw Error(ErrorKind::usage, concat(quoted(given), ": an identity needs a tag: HOST/NAME:TAG"));
        return name.to_string();
    }
    if (image.transport == oci::Transport::docker) {
        if (!image.digest.empty()) {
            throw Error(ErrorKind::usage, "sign: a name with a digest has no tag for the signature")
                .hint("add --identity HOST/NAME:TAG");
        }
        return DockerName{
            .repository = image.location, .tag = image.tag.empty() ? "latest" : image.tag, .digest = ""}
            .to_string();
    }
    // A layout has no registry. Policies with exactReference name this, and --identity another one.
    return concat("localhost/", oci::Reference{.location = image.location}.short_name(), ':',
                  image.tag.empty() ? "latest" : image.tag);
}

}  // namespace

std::vector<SignedManifest> sign_image(const oci::Reference& image, const PrivateKey& key,
                                       const SignOptions& options, const RegistryOptions& registry) {
    if (!can_be_signed(image)) {
        throw Error(ErrorKind::unsupported,
                    concat(oci::to_string(image.transport), ": images of this transport cannot be signed"))
            .hint("only docker:// and oci: have a place for signatures");
    }
    const std::string identity = identity_of(image, options.identity);
    // What is signed is what the registry itself has. A mirror may have an older image under the name.
    const std::shared_ptr<oci::ImageSource> source =
        image.transport == oci::Transport::docker
            ? RegistryAccess(registry).open_source(image, Endpoints::destination)
            : open_source(image, std::nullopt, registry);
    const oci::Document root = source->root();
    if (root.raw.size() > oci::kMaxDocument) throw Error(ErrorKind::too_large, "the manifest is too large");
    const oci::Digest digest = oci::Digest::of(
        as_bytes(root.raw), root.expected ? root.expected->algorithm() : HashAlgorithm::sha256);
    // The index of a whole layout changes with each signature that is added.
    if (!root.expected && image.transport == oci::Transport::oci) {
        throw Error(ErrorKind::usage, "sign: the layout holds several images")
            .hint("name one of them by its tag, or by its position: :@0, :@1, ...");
    }
    if (root.expected && digest != *root.expected)
        throw Error(ErrorKind::digest_mismatch, "the manifest does not match its digest");
    std::vector<oci::Digest> digests{digest};
    collect(*source, root.raw, root.media_type, digests, 0);
    const PublicKey public_key = key.public_key();
    const std::int64_t time = options.time.value_or(std::time(nullptr));
    std::vector<SignedManifest> out;
    for (const oci::Digest& one : digests) {
        // In the place where podman and skopeo look. A bundle does not count.
        const std::vector<ImageClaim> known = claims_by(
            public_key, read_tag_signatures(image, one, registry, Endpoints::destination).signatures, one);
        const bool has = std::any_of(known.begin(), known.end(),
                                     [&](const ImageClaim& claim) { return claim.reference == identity; });
        out.push_back({.digest = one, .identity = identity, .added = !has});
        if (has) continue;
        const std::string payload =
            write_payload({.digest = one, .reference = identity, .timestamp = time}, kCreator);
        add_signature(image, one, {.payload = payload, .signature = key.sign(payload)}, registry);
    }
    return out;
}

}  // namespace osb::registry

#include "registry/trust/sigstore_bundle.hh"

#include <algorithm>
#include <array>
#include <nlohmann/json.hpp>

#include "base/base64.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"

namespace osb::registry {
namespace {

constexpr const char* kBundle = "bundle";
constexpr const char* kEnvelope = "bundle: 'dsseEnvelope'";
constexpr const char* kMessageSignature = "bundle: 'messageSignature'";
constexpr std::string_view kBundlePrefix = "application/vnd.dev.sigstore.bundle";
constexpr auto kBundleTypes = std::to_array<std::string_view>({
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle+json;version=0.3",
    "application/vnd.dev.sigstore.bundle+json;version=0.2",
    "application/vnd.dev.sigstore.bundle+json;version=0.1",
});

std::string decoded_member(const oci::Json& object, const char* key, std::string_view what) {
    std::optional<std::string> out = decode_base64(oci::required_string(object, key, what));
    if (!out) throw Error(ErrorKind::invalid, concat(what, ": '", key, "' is not Base64"));
    return std::move(*out);
}

ImageSignature parse_envelope(const oci::Json& envelope) {
    oci::require_only_members(envelope, {"payload", "payloadType", "signatures"}, kEnvelope);
    const std::string& type = oci::required_string(envelope, "payloadType", kEnvelope);
    if (type != kStatementType)
        throw Error(ErrorKind::unsupported, concat(kEnvelope, ": payload of the type ", quoted(type)));
    // Exactly one, because the other material of a bundle is about one.
    const oci::Json& signatures = oci::required_array(envelope, "signatures", 1, kEnvelope);
    if (signatures.empty()) throw Error(ErrorKind::invalid, concat(kEnvelope, ": no signature"));
    oci::require_only_members(signatures.front(), {"sig", "keyid"}, kEnvelope);
    return {.payload = decoded_member(envelope, "payload", kEnvelope),
            .signature = decoded_member(signatures.front(), "sig", kEnvelope),
            .form = SignedForm::statement};
}

ImageSignature parse_message(const oci::Json& message) {
    oci::require_only_members(message, {"messageDigest", "signature"}, kMessageSignature);
    const oci::Json& digest = oci::member_or_null(message, "messageDigest");
    oci::require_only_members(digest, {"algorithm", "digest"}, kMessageSignature);
    const std::string& algorithm = oci::required_string(digest, "algorithm", kMessageSignature);
    if (algorithm != "SHA2_256")
        throw Error(ErrorKind::unsupported, concat(kMessageSignature, ": hash ", quoted(algorithm)));
    const std::string hash = decoded_member(digest, "digest", kMessageSignature);
    if (hash.size() != sizeof(Sha256))
        throw Error(ErrorKind::invalid, concat(kMessageSignature, ": malformed hash"));
    return {.payload = oci::Digest::from_hex(HashAlgorithm::sha256, to_hex(as_bytes(hash))).to_string(),
            .signature = decoded_member(message, "signature", kMessageSignature),
            .form = SignedForm::manifest};
}

}  // namespace

bool is_bundle_type(std::string_view media_type) {
    return media_type.starts_with(kBundlePrefix);
}

ImageSignature parse_bundle(std::string_view text) {
    if (text.size() > kMaxBundle)
        throw Error(ErrorKind::too_large, concat("bundle: more than ", kMaxBundle, " bytes"));
    const oci::Json root = oci::parse_json(text, kBundle);
    oci::require_only_members(root, {"mediaType", "verificationMaterial", "messageSignature", "dsseEnvelope"},
                              kBundle);
    const std::string& type = oci::required_string(root, "mediaType", kBundle);
    if (std::find(kBundleTypes.begin(), kBundleTypes.end(), type) == kBundleTypes.end())
        throw Error(ErrorKind::unsupported, concat("bundle: media type ", quoted(type)));
    oci::require_object(oci::member_or_null(root, "verificationMaterial"), "bundle: 'verificationMaterial'");
    const oci::Json* envelope = oci::find_member(root, "dsseEnvelope");
    const oci::Json* message = oci::find_member(root, "messageSignature");
    if ((envelope != nullptr) == (message != nullptr))
        throw Error(ErrorKind::invalid, "bundle: not exactly one of 'dsseEnvelope' and 'messageSignature'");
    return envelope != nullptr ? parse_envelope(*envelope) : parse_message(*message);
}

}  // namespace osb::registry

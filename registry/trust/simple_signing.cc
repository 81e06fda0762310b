#include "registry/trust/simple_signing.hh"

#include <initializer_list>
#include <nlohmann/json.hpp>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "oci/documents/json_text.hh"

namespace osb::registry {
namespace {

constexpr std::string_view kType = "cosign container image signature";
constexpr const char* kWhat = "signature";

void require_exactly(const oci::Json& object, std::initializer_list<const char*> keys,
                     std::string_view what) {
    oci::require_object(object, what);
    bool ok = object.size() == keys.size();
    for (const char* key : keys) ok = ok && object.contains(key);
    if (!ok) throw Error(ErrorKind::invalid, concat(what, ": has other members than the format defines"));
}

}  // namespace

std::string write_payload(const SignedClaim& claim, std::string_view creator) {
    std::string out = R"({"critical":{"identity":{"docker-reference":)";
    oci::append_json_string(out, claim.reference);
    out += R"(},"image":{"docker-manifest-digest":)";
    oci::append_json_string(out, claim.digest.to_string());
    out += R"(},"type":)";
    oci::append_json_string(out, kType);
    out += R"(},"optional":{"creator":)";
    oci::append_json_string(out, creator);
    if (claim.timestamp) out += concat(R"(,"timestamp":)", *claim.timestamp);
    return out + "}}";
}

SignedClaim parse_payload(std::string_view payload) {
    const oci::Json root = oci::parse_json(payload, kWhat);
    require_exactly(root, {"critical", "optional"}, kWhat);
    const oci::Json& critical = root.at("critical");
    require_exactly(critical, {"type", "image", "identity"}, "signature: 'critical'");
    require_exactly(critical.at("image"), {"docker-manifest-digest"}, "signature: 'image'");
    require_exactly(critical.at("identity"), {"docker-reference"}, "signature: 'identity'");
    if (oci::required_string(critical, "type", kWhat) != kType)
        throw Error(ErrorKind::invalid, "signature: is of another type than a signature of an image");
    SignedClaim out{.digest = oci::Digest::parse(
                        oci::required_string(critical.at("image"), "docker-manifest-digest", kWhat)),
                    .reference = oci::required_string(critical.at("identity"), "docker-reference", kWhat),
                    .timestamp = std::nullopt};
    const oci::Json& optional = root.at("optional");
    if (optional.is_null()) return out;
    oci::require_object(optional, "signature: 'optional'");
    if (oci::find_member(optional, "timestamp") != nullptr)
        out.timestamp = oci::required_integer(optional, "timestamp", INT64_MIN, INT64_MAX, kWhat);
    return out;
}

}  // namespace osb::registry

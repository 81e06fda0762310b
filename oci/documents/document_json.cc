#include "oci/documents/document_json.hh"

#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::oci {
namespace {

[[noreturn]] void throw_invalid(std::string_view what, std::string_view problem) {
    throw Error(ErrorKind::invalid, concat(what, ": ", problem));
}

// descriptor.md: the size in bytes, a non-negative int64. Only a JSON integer is valid, because programs read
// 1e3 and "12" as different numbers.
std::uint64_t parse_size(const Json& object, std::string_view what) {
    return required_count(object, "size", what);
}

std::optional<Platform> parse_platform(const Json& object, std::string_view what) {
    const Json* platform = find_member(object, "platform");
    if (platform == nullptr) return std::nullopt;
    if (!platform->is_object()) throw_invalid(what, "'platform' is not an object");
    return normalized({.os = optional_string(*platform, "os", what),
                       .architecture = optional_string(*platform, "architecture", what),
                       .variant = optional_string(*platform, "variant", what)});
}

bool parse_has_urls(const Json& object, std::string_view what) {
    const Json* urls = find_member(object, "urls");
    if (urls == nullptr) return false;
    if (!urls->is_array()) throw_invalid(what, "'urls' is not an array");
    return !urls->empty();
}

}  // namespace

Json parse_document(std::string_view raw, std::string_view what) {
    if (raw.size() > kMaxDocument) {
        throw Error(ErrorKind::too_large,
                    concat(what, ": ", raw.size(), " bytes; the limit is ", kMaxDocument));
    }
    Json document = parse_json(raw, what);
    require_object(document, what);
    return document;
}

Descriptor parse_descriptor(const Json& value, std::string_view what) {
    if (!value.is_object()) throw_invalid(what, "not an object");
    const std::string& media_type = required_string(value, "mediaType", what);
    if (media_type.empty()) throw_invalid(what, "'mediaType' is empty");
    const Digest digest = with_context([what] { return std::string(what); },
                                       [&] { return Digest::parse(required_string(value, "digest", what)); });
    return {.media_type = media_type,
            .digest = digest,
            .size = parse_size(value, what),
            .annotations = string_map(value, "annotations", what),
            .platform = parse_platform(value, what),
            .artifact_type = optional_string(value, "artifactType", what),
            .has_urls = parse_has_urls(value, what)};
}

std::string check_document(const Json& document, std::string_view media_type, std::string_view what) {
    const Json* version = find_member(document, "schemaVersion");
    if (document.contains("fsLayers") || (version != nullptr && *version == 1)) throw_docker_schema1();
    if (document.contains("manifests") && (document.contains("layers") || document.contains("config"))) {
        throw_invalid(what, "is both an index and a manifest");
    }
    if (version == nullptr || !version->is_number_unsigned() || *version != 2) {
        throw_invalid(what, "'schemaVersion' is not 2");
    }
    const std::string own = optional_string(document, "mediaType", what);
    const std::string expected = media_type_essence(media_type);
    if (!own.empty() && !expected.empty() && media_type_essence(own) != expected) {
        throw_invalid(what, concat("media type is ", quoted(own), ", expected ", quoted(expected)));
    }
    return own.empty() ? expected : media_type_essence(own);
}

}  // namespace osb::oci

#include "oci/documents/manifest.hh"

#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/document_json.hh"

namespace osb::oci {
namespace {

bool is_image_config(std::string_view media_type) {
    const std::string essence = media_type_essence(media_type);
    return essence == kMediaTypeConfig || essence == kMediaTypeDockerConfig;
}

[[noreturn]] void throw_artifact(std::string_view type) {
    throw Error(ErrorKind::unsupported, concat("not an image: an artifact of type ", quoted(type)));
}

}  // namespace

Manifest Manifest::parse(std::string raw, std::string_view media_type, HashAlgorithm algorithm) {
    constexpr std::string_view kWhat = "manifest";
    const Json document = parse_document(raw, kWhat);
    std::string type = check_document(document, media_type, kWhat);
    if (document.contains("manifests")) throw Error(ErrorKind::invalid, "manifest: is an index");
    if (type.empty()) type = kMediaTypeManifest;
    if (document_kind(type) != DocumentKind::manifest) {
        throw Error(ErrorKind::invalid, concat("manifest: media type is ", quoted(type)));
    }

    const Json* config_json = find_member(document, "config");
    if (config_json == nullptr) throw Error(ErrorKind::invalid, "manifest: 'config' is missing");
    Descriptor config = parse_descriptor(*config_json, "manifest: config");
    // The type of the config decides. An image may also have an artifactType (manifest.md), and the type of
    // the config is generic in images of 2015.
    const std::string artifact_type = optional_string(document, "artifactType", kWhat);
    const bool says_image = is_image_config(config.media_type);
    const bool says_nothing = artifact_type.empty() && is_generic_media_type(config.media_type);
    if (!says_image && !says_nothing)
        throw_artifact(artifact_type.empty() ? config.media_type : artifact_type);

    std::vector<Descriptor> layers;
    // Go programs write null for an image without layers (FROM scratch with labels alone, umoci new).
    if (find_member(document, "layers") != nullptr) {
        for (const Json& layer : required_array(document, "layers", kMaxLayers, kWhat)) {
            layers.push_back(parse_descriptor(layer, concat("manifest: layer ", layers.size() + 1)));
        }
    }
    Digest digest = Digest::of(as_bytes(raw), algorithm);
    return {.media_type = std::move(type),
            .digest = std::move(digest),
            .config = std::move(config),
            .layers = std::move(layers),
            .annotations = string_map(document, "annotations", kWhat),
            .raw = std::move(raw)};
}

}  // namespace osb::oci

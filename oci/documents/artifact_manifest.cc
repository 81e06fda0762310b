#include "oci/documents/artifact_manifest.hh"

#include <nlohmann/json.hpp>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/document_json.hh"

namespace osb::oci {

bool ArtifactManifest::is_image() const {
    const std::string essence = media_type_essence(type);
    return essence == kMediaTypeConfig || essence == kMediaTypeDockerConfig;
}

ArtifactManifest ArtifactManifest::parse(std::string_view raw, std::string_view media_type) {
    constexpr std::string_view kWhat = "manifest";
    const Json document = parse_document(raw, kWhat);
    const std::string own = check_document(document, media_type, kWhat);
    if (document.contains("manifests")) throw Error(ErrorKind::invalid, "manifest: is an index");
    if (!own.empty() && document_kind(own) != DocumentKind::manifest)
        throw Error(ErrorKind::invalid, concat("manifest: media type is ", quoted(own)));
    ArtifactManifest out;
    out.type = optional_string(document, "artifactType", kWhat);
    if (out.type.empty()) out.type = text_or_empty(member_or_null(document, "config"), "mediaType");
    for (const Json& layer : required_array(document, "layers", kMaxLayers, kWhat))
        out.layers.push_back(parse_descriptor(layer, concat("manifest: layer ", out.layers.size() + 1)));
    // Only the digest: cosign's specification shows a subject without a size.
    if (const Json* subject = find_member(document, "subject"))
        out.subject = Digest::parse(required_string(*subject, "digest", "manifest: subject"));
    return out;
}

}  // namespace osb::oci

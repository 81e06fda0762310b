#include "oci/documents/artifact.hh"

#include <nlohmann/json.hpp>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/document_json.hh"
#include "oci/documents/manifest_writer.hh"

namespace osb::oci {

Artifact Artifact::parse(std::string_view raw, std::string_view media_type) {
    constexpr std::string_view kWhat = "artifact";
    const Json document = parse_document(raw, kWhat);
    const std::string type = check_document(document, media_type, kWhat);
    if (document_kind(type.empty() ? kMediaTypeManifest : std::string_view(type)) != DocumentKind::manifest)
        throw Error(ErrorKind::invalid, concat("artifact: media type is ", quoted(type)));
    Artifact out{.type = optional_string(document, "artifactType", kWhat)};
    if (out.type.empty()) out.type = text_or_empty(member_or_null(document, "config"), "mediaType");
    for (const Json& layer : required_array(document, "layers", kMaxLayers, kWhat))
        out.layers.push_back(parse_descriptor(layer, concat("artifact: layer ", out.layers.size() + 1)));
    if (const Json* subject = find_member(document, "subject"); subject != nullptr)
        out.subject = parse_descriptor(*subject, "artifact: subject");
    out.annotations = string_map(document, "annotations", kWhat);
    return out;
}

std::string Artifact::write() const {
    return write_artifact_manifest(type, describe(kMediaTypeEmpty, std::string(kEmptyConfig)), layers,
                                   subject, annotations);
}

}  // namespace osb::oci

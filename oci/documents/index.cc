#include <nlohmann/json.hpp>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/document_json.hh"
#include "oci/documents/manifest.hh"

namespace osb::oci {

Index Index::parse(std::string_view raw, std::string_view media_type) {
    constexpr std::string_view kWhat = "index";
    const Json document = parse_document(raw, kWhat);
    std::string type = check_document(document, media_type, kWhat);
    if (document.contains("layers") || document.contains("config")) {
        throw Error(ErrorKind::invalid, "index: is a manifest");
    }
    if (type.empty()) type = kMediaTypeIndex;
    if (document_kind(type) != DocumentKind::index) {
        throw Error(ErrorKind::invalid, concat("index: media type is ", quoted(type)));
    }
    std::vector<Descriptor> manifests;
    for (const Json& entry : required_array(document, "manifests", kMaxIndexEntries, kWhat)) {
        manifests.push_back(parse_descriptor(entry, concat("index: entry ", manifests.size() + 1)));
    }
    return {.media_type = std::move(type),
            .manifests = std::move(manifests),
            .annotations = string_map(document, "annotations", kWhat)};
}

DocumentKind sniff_document_kind(std::string_view raw) {
    constexpr std::string_view kWhat = "image";
    const Json document = parse_document(raw, kWhat);
    const std::string type = check_document(document, "", kWhat);
    if (!type.empty()) return document_kind(type);
    if (document.contains("manifests")) return DocumentKind::index;
    if (document.contains("layers") || document.contains("config")) return DocumentKind::manifest;
    throw Error(ErrorKind::invalid, "image: neither an index nor a manifest");
}

}  // namespace osb::oci

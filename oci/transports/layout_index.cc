// Changes to the index.json of a layout.
#include <nlohmann/json.hpp>

#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/document_json.hh"
#include "oci/transports/image.hh"
#include "oci/transports/layout_sink.hh"
#include "oci/transports/layout_source.hh"

namespace osb::oci {
namespace {

using OrderedJson = nlohmann::ordered_json;

std::string tag_of(const OrderedJson& entry) {
    const auto annotations = entry.find("annotations");
    if (annotations == entry.end() || !annotations->is_object()) return "";
    const auto name = annotations->find(kRefName);
    return name != annotations->end() && name->is_string() ? name->get<std::string>() : "";
}

// Makes an index entry. It has no platform, because the manifest does not name one; readers take it from the
// config.
OrderedJson make_entry(const std::string& manifest, std::string_view media_type, const std::string& tag) {
    OrderedJson entry;
    entry["mediaType"] = media_type;
    entry["digest"] = Digest::of(as_bytes(manifest)).to_string();
    entry["size"] = manifest.size();
    if (!tag.empty()) entry["annotations"][kRefName] = tag;
    return entry;
}

OrderedJson parse_index(const std::string& raw) {
    if (raw.empty()) {
        OrderedJson index;
        index["schemaVersion"] = 2;
        index["mediaType"] = kMediaTypeIndex;
        index["manifests"] = OrderedJson::array();
        return index;
    }
    // Use the strict parser first, so that only valid documents are written back.
    with_context([] { return "index.json"; }, [&raw] { return Index::parse(raw, kMediaTypeIndex); });
    return OrderedJson::parse(raw, nullptr, false);
}

}  // namespace

std::string index_with_image(const std::string& raw, const std::string& manifest, std::string_view media_type,
                             const std::string& tag) {
    OrderedJson index = parse_index(raw);
    OrderedJson& entries = index["manifests"];
    OrderedJson kept = OrderedJson::array();
    bool placed = false;
    for (OrderedJson& old : entries) {
        if (tag_of(old) != tag) {
            kept.push_back(std::move(old));
        } else if (!placed) {
            kept.push_back(make_entry(manifest, media_type, tag));
            placed = true;
        }
    }
    if (!placed) kept.push_back(make_entry(manifest, media_type, tag));
    if (kept.size() > kMaxIndexEntries) {
        throw Error(ErrorKind::too_large, concat("index.json: more than ", kMaxIndexEntries, " images"));
    }
    entries = std::move(kept);
    return index.dump();
}

}  // namespace osb::oci

// What manifests, indexes and configs share, read with its types checked. For the sources in this folder
// alone.
#pragma once

#include <string>
#include <string_view>

#include "oci/documents/json_members.hh"
#include "oci/documents/manifest.hh"

namespace osb::oci {

// Parses a document that must be one object of at most kMaxDocument bytes.
Json parse_document(std::string_view raw, std::string_view what);

// descriptor.md, and the `platform` of image-index.md.
Descriptor parse_descriptor(const Json& value, std::string_view what);

// Checks what manifests and indexes share: schemaVersion 2, not the members of both kinds (CVE-2021-41190),
// the document's own mediaType against the given one. Returns the media type, "" when neither says one.
std::string check_document(const Json& document, std::string_view media_type, std::string_view what);

}  // namespace osb::oci

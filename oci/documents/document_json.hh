// Type-checked access to the parts that manifests, indexes and configs share. Private to this folder.
#pragma once

#include <string>
#include <string_view>

#include "oci/documents/json_members.hh"
#include "oci/documents/manifest.hh"

namespace osb::oci {

// Parses a document, which must be a single object of at most kMaxDocument bytes.
Json parse_document(std::string_view raw, std::string_view what);

// Parses a descriptor (descriptor.md) and its `platform` (image-index.md).
Descriptor parse_descriptor(const Json& value, std::string_view what);

// Checks the rules that manifests and indexes share: schemaVersion 2, no members of both kinds
// (CVE-2021-41190), and a mediaType that agrees with `media_type`. Returns the media type, or "" if it is in
// neither.
std::string check_document(const Json& document, std::string_view media_type, std::string_view what);

}  // namespace osb::oci

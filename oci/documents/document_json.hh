// The members of manifests, indexes and configs, read with their types checked. For the sources in this
// folder alone.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "oci/documents/json.hh"
#include "oci/documents/manifest.hh"

namespace osb::oci {

// Parses a document that must be one object of at most kMaxDocument bytes.
Json parse_document(std::string_view raw, std::string_view what);

// The member `key` of an object; null when it is missing or JSON's null.
const Json* find_member(const Json& object, const char* key);

// A string. Throws Error{invalid} when it is missing or of another type.
const std::string& required_string(const Json& object, const char* key, std::string_view what);
// A string, "" when it is missing. Throws Error{invalid} when it is of another type.
std::string optional_string(const Json& object, const char* key, std::string_view what);
// An object of strings (annotations, labels), empty when it is missing.
std::map<std::string, std::string> string_map(const Json& object, const char* key, std::string_view what);
// An array of at most `limit` elements. Throws Error{invalid} when it is missing, Error{too_large} beyond the
// limit.
const Json& required_array(const Json& object, const char* key, std::size_t limit, std::string_view what);

// descriptor.md, and the `platform` of image-index.md.
Descriptor parse_descriptor(const Json& value, std::string_view what);

// Checks what manifests and indexes share: schemaVersion 2, not the members of both kinds (CVE-2021-41190),
// the document's own mediaType against the given one. Returns the media type, "" when neither says one.
std::string check_document(const Json& document, std::string_view media_type, std::string_view what);

}  // namespace osb::oci

// The members of JSON objects, read with their types checked.
//
// `what` names the document, or the place in it, and begins every message: "manifest: 'size' is missing".
// A member that is JSON's null counts as missing: programs in Go write null for an empty value. A value that
// is not an object has no members.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "oci/documents/json.hh"

namespace osb::oci {

// The member `key`; null when it is missing.
const Json* find_member(const Json& object, const char* key);

// The member, or JSON's null when it is missing; of any type.
const Json& member_or_null(const Json& object, const char* key);
// The member when it is a string, else "": for what only helps.
std::string text_or_empty(const Json& object, const char* key);

// Throws Error{invalid} when `value` is not an object.
void require_object(const Json& value, std::string_view what);

// A string. Throws Error{invalid} when it is missing or of another type.
const std::string& required_string(const Json& object, const char* key, std::string_view what);
// A string, "" when it is missing. Throws Error{invalid} when it is of another type.
std::string optional_string(const Json& object, const char* key, std::string_view what);

// An integer in that range. Throws Error{invalid} when it is missing, of another type, or beyond it.
std::int64_t required_integer(const Json& object, const char* key, std::int64_t least, std::int64_t most,
                              std::string_view what);

// True or false, false when it is missing. Throws Error{invalid} when it is of another type.
bool optional_flag(const Json& object, const char* key, std::string_view what);

// An object of strings (annotations, labels), empty when it is missing.
std::map<std::string, std::string> string_map(const Json& object, const char* key, std::string_view what);

// An array of at most `limit` elements. Throws Error{invalid} when it is missing, Error{too_large} beyond the
// limit.
const Json& required_array(const Json& object, const char* key, std::size_t limit, std::string_view what);
// An array of strings, empty when it is missing. Throws as required_array() does.
std::vector<std::string> optional_strings(const Json& object, const char* key, std::size_t limit,
                                          std::string_view what);

}  // namespace osb::oci

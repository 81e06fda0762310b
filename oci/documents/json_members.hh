// Type-checked access to the members of JSON objects.
//
// `what` names the document, or a place in it, and starts every message: "manifest: 'size' is missing". A
// member with the value null counts as missing, because Go programs write null for an empty value. A value
// that is not an object has no members.
#pragma once

#include <cstdint>
#include <initializer_list>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "oci/documents/json.hh"

namespace osb::oci {

// The member `key`; nullptr if it is missing. The pointer refers into `object`.
const Json* find_member(const Json& object, const char* key);

// The member, of any type; JSON null if it is missing.
const Json& member_or_null(const Json& object, const char* key);
// The member if it is a string, otherwise "". For members that are only informative.
std::string text_or_empty(const Json& object, const char* key);

// Throws Error{invalid} unless `value` is an object.
void require_object(const Json& value, std::string_view what);

// Throws Error{invalid} unless `value` is an object with no other members than these.
void require_only_members(const Json& value, std::initializer_list<std::string_view> allowed,
                          std::string_view what);

// A string. Throws Error{invalid} if it is missing or has another type.
const std::string& required_string(const Json& object, const char* key, std::string_view what);
// A string, "" if it is missing. Throws Error{invalid} if it has another type.
std::string optional_string(const Json& object, const char* key, std::string_view what);

// An integer from `least` to `most`. Throws Error{invalid} if it is missing, out of range or of another type.
std::int64_t required_integer(const Json& object, const char* key, std::int64_t least, std::int64_t most,
                              std::string_view what);

// A size or a number of things: the same from 0 to 2^63-1.
std::uint64_t required_count(const Json& object, const char* key, std::string_view what);

// A boolean, false if it is missing. Throws Error{invalid} if it has another type.
bool optional_flag(const Json& object, const char* key, std::string_view what);

// An object with string values (annotations, labels), empty if it is missing. Throws Error{invalid} if it has
// another type.
std::map<std::string, std::string> string_map(const Json& object, const char* key, std::string_view what);

// An array of at most `limit` elements. Throws Error{invalid} if it is missing or has another type,
// Error{too_large} above the limit.
const Json& required_array(const Json& object, const char* key, std::size_t limit, std::string_view what);
// An array of strings, empty if it is missing. Otherwise throws as required_array() does.
std::vector<std::string> optional_strings(const Json& object, const char* key, std::size_t limit,
                                          std::string_view what);

}  // namespace osb::oci

// External TOML, converted to the in-memory form of JSON, so that callers handle both formats alike. Only
// this file pair uses the TOML library.
#pragma once

#include <string_view>

#include "oci/documents/json.hh"

namespace osb::oci {

// Parses one document of TOML 1.0. Tables become objects and arrays become arrays. A date or a time becomes
// null, because JSON does not have these types. The document may have at most kMaxTomlDepth levels of tables
// and arrays, including dotted keys. Throws Error{invalid}: "line 3: ...".
Json parse_toml(std::string_view text);
inline constexpr std::size_t kMaxTomlDepth = 64;

}  // namespace osb::oci

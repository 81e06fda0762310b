// TOML from outside, read into the form that JSON has: what is built on it need not know in which of the two
// a file was written. The only file pair that meets the TOML library.
#pragma once

#include <string_view>

#include "oci/documents/json.hh"

namespace osb::oci {

// Parses one document of TOML 1.0. Tables become objects, arrays arrays; a date or a time, which JSON does
// not have, becomes null. At most kMaxTomlDepth levels of tables and arrays, dotted keys included. Throws
// Error{invalid}: "line 3: ...".
Json parse_toml(std::string_view text);
inline constexpr std::size_t kMaxTomlDepth = 64;

}  // namespace osb::oci

// What the readers of configuration files share. For the sources in this folder alone.
#pragma once

#include <string>
#include <string_view>

#include "oci/documents/json.hh"

namespace osb::registry {

// "" where it is not set.
std::string env(const char* name);

// Throws Error{invalid} naming the file.
[[noreturn]] void refuse(const std::string& file, std::string_view problem);

// The member `key` of an object; null when it is missing or JSON's null.
const oci::Json* member(const oci::Json& object, const char* key);

}  // namespace osb::registry

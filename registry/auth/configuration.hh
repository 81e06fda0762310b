// Helpers for readers of configuration files. Private to this module.
#pragma once

#include <string>
#include <string_view>

namespace osb::registry {

// The value of an environment variable, "" if it is not set.
std::string env(const char* name);

// Throws Error{invalid} naming the file.
[[noreturn]] void refuse(const std::string& file, std::string_view problem);

}  // namespace osb::registry

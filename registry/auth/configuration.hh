// What the readers of configuration files share. For the sources in this folder alone.
#pragma once

#include <string>
#include <string_view>

namespace osb::registry {

// "" where it is not set.
std::string env(const char* name);

// Throws Error{invalid} naming the file.
[[noreturn]] void refuse(const std::string& file, std::string_view problem);

}  // namespace osb::registry

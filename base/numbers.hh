// Numbers as text for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace osb {

// "1 layer", "2 layers".
std::string format_count(std::uint64_t count, std::string_view noun);

// The mode of a file in at least four octal digits: "0644".
std::string octal(std::uint32_t mode);

}  // namespace osb

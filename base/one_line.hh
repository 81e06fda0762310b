// External text for a place that holds a single line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace osb {

// Trims white space, replaces control characters by '?', and cuts the text to `max_bytes` without splitting a
// UTF-8 character. The result may be empty.
std::string one_line(std::string_view text, std::size_t max_bytes);

}  // namespace osb

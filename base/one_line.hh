// Text from outside for a place that has one line for it.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace osb {

// Without blanks and line ends around it, control characters as '?', and of at most `max_bytes`, no UTF-8
// character cut in two. May be empty.
std::string one_line(std::string_view text, std::size_t max_bytes);

}  // namespace osb

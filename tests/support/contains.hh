// Whether a text has a part, to be expected.
#pragma once

#include <string_view>

namespace osb::test {

inline bool contains(std::string_view text, std::string_view part) {
    return text.find(part) != std::string_view::npos;
}

}  // namespace osb::test

// Which of two releases of a system is the older one.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace osb::system {

struct Release {
    std::string version;     // "" where it is not said
    std::uint64_t time = 0;  // when it was made, in seconds since 1970; 0 where that is not said
};

// Negative when `a` comes before `b`, 0 when they are equal, else positive. Numbers count by their value, and
// more parts come after fewer, but for those of a pre-release (alpha, beta, pre, rc): "1.9" < "1.10_rc1" <
// "1.10" < "1.10.1".
int compare_versions(std::string_view a, std::string_view b);

// Whether `candidate` was made before `present`; where one of them does not say when, or both at the same
// time, whether its version is lower. Not known counts as not older.
bool is_older(const Release& candidate, const Release& present);

}  // namespace osb::system

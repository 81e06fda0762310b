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

// Whether `candidate` comes before `present`. The versions decide where both number the same series ("v1.9"
// and "1.10", "stable-3" and "stable-4") and differ; else the times, where both are known. Not known counts
// as not older. A version that is a hash, as of a commit, has no order.
bool is_older(const Release& candidate, const Release& present);

// The two releases without a time that cannot be: one more than a day after `now`, in seconds since 1970, on
// a clock that the other release shows to be set (it is later than that one's time).
struct ReleasePair {
    Release candidate;
    Release present;
};
ReleasePair without_impossible_times(ReleasePair releases, std::uint64_t now);

}  // namespace osb::system

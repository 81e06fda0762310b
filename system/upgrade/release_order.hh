// Compares two releases of a system by age.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace osb::system {

// The version and the creation time of a system.
struct Release {
    std::string version;     // "" if it is not known
    std::uint64_t time = 0;  // creation time, in seconds since 1970; 0 if it is not known
};

// Returns a negative number if `a` comes before `b`, 0 if they are equal, and a positive number otherwise.
// Numbers compare by value. More parts come after fewer, except for those of a pre-release (alpha, beta, pre,
// rc): "1.9" < "1.10_rc1" < "1.10" < "1.10.1".
int compare_versions(std::string_view a, std::string_view b);

// Returns true if `candidate` is older than `present`. The versions decide if both number the same series
// ("v1.9" and "1.10", "stable-3" and "stable-4") and differ. Otherwise the times decide, if both are known.
// Without a decision, the candidate is not older. A version that is a hash, such as that of a commit, has no
// order.
bool is_older(const Release& candidate, const Release& present);

// Returns the two releases without impossible times. A time is impossible if it is more than a day after
// `now`, in seconds since 1970, and the other release proves that the clock is set, because `now` is later
// than that release's time.
struct ReleasePair {
    Release candidate;
    Release present;
};
ReleasePair without_impossible_times(ReleasePair releases, std::uint64_t now);

}  // namespace osb::system

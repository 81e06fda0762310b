// Sums of sizes that come from outside.
#pragma once

#include <limits>
#include <type_traits>

namespace osb {

// The sum of two unsigned numbers, or the largest number if the sum is beyond it. So a limit holds for sums
// of any sizes.
template<typename T>
constexpr T saturating_add(T a, T b) noexcept {
    static_assert(std::is_unsigned_v<T>);
    return b > std::numeric_limits<T>::max() - a ? std::numeric_limits<T>::max() : a + b;
}

}  // namespace osb

// A constant block of zero bytes.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>

namespace osb::oci {

inline constexpr std::array<std::uint8_t, 64UL * 1024> kZeros{};

}  // namespace osb::oci

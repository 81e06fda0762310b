// Sizes, and how people write them.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace osb::image {

inline constexpr std::uint64_t kMebibyte = 1ULL << 20U;

// Bytes: a number, and K, M, G or T for powers of 1024; "KiB" and the like mean the same, "KB" powers of
// 1000. Nothing for other text, and for what does not fit into 63 bits.
std::optional<std::uint64_t> parse_byte_size(std::string_view text);

}  // namespace osb::image

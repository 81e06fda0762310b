// Sizes in bytes, and the notation that users write them in.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace osb::image {

inline constexpr std::uint64_t kMebibyte = 1ULL << 20U;

// Parses a number with an optional suffix. K, M, G and T, also in lower case, are powers of 1024, as are
// "KiB" and the like; "KB" and the like are powers of 1000. Returns nothing for other text and for a size
// that does not fit into 63 bits.
std::optional<std::uint64_t> parse_byte_size(std::string_view text);

}  // namespace osb::image

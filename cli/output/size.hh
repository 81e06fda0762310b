// Sizes as people write them.
#pragma once

#include <cstdint>
#include <string_view>

namespace osb::cli {

// Bytes: a number, and K, M, G or T for powers of 1024; "KiB" and the like are the same, "KB" powers of 1000.
// Throws Error{usage} naming `option`; 0 is refused.
std::uint64_t parse_size(std::string_view option, std::string_view text);

}  // namespace osb::cli

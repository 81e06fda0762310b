// Sizes in the notation of people.
#pragma once

#include <cstdint>
#include <string_view>

namespace osb::cli {

// Parses a size in bytes: a number, optionally with K, M, G or T for powers of 1024. "KiB" etc. mean the
// same; "KB" etc. are powers of 1000. Throws Error{usage} naming `option`, also for 0.
std::uint64_t parse_size(std::string_view option, std::string_view text);

}  // namespace osb::cli

#include "oci/chunked/frame_search.hh"

#include <algorithm>
#include <cstddef>

namespace osb::oci {

ZstdSearch content_search(ByteView content) noexcept {
    constexpr std::size_t kZerosOf = 32;
    const auto zeros = static_cast<std::size_t>(std::count(content.begin(), content.end(), std::uint8_t{0}));
    return zeros > 0 && zeros * kZerosOf >= content.size() ? kBinarySearch : kContentSearch;
}

}  // namespace osb::oci

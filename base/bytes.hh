// Views of raw bytes, and string concatenation (g++ 12 has no <format>).
#pragma once

#include <charconv>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>

namespace osb {

using ByteView = std::span<const std::uint8_t>;
using MutableBytes = std::span<std::uint8_t>;

inline ByteView as_bytes(std::string_view text) noexcept {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string_view as_text(ByteView bytes) noexcept {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

// Concatenates the parts, for example concat("got ", 3, " of ", name). Integers are decimal.
template<typename... Parts>
std::string concat(const Parts&... parts) {
    std::string out;
    const auto append = [&out](const auto& part) {
        using T = std::decay_t<decltype(part)>;
        if constexpr (std::is_same_v<T, char>) {
            out.push_back(part);
        } else if constexpr (std::is_integral_v<T>) {
            char digits[24];
            const auto end = std::to_chars(digits, digits + sizeof digits, part);
            out.append(digits, end.ptr);
        } else {
            out.append(std::string_view(part));
        }
    };
    (append(parts), ...);
    return out;
}

}  // namespace osb

// Integers in files and headers, stored in a fixed byte order.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace osb {

// Decodes an unsigned integer from at most eight bytes.
constexpr std::uint64_t from_little_endian(std::span<const std::uint8_t> bytes) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) value |= std::uint64_t{bytes[i]} << (8 * i);
    return value;
}

constexpr std::uint64_t from_little_endian(std::string_view bytes) noexcept {
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        value |= std::uint64_t{static_cast<std::uint8_t>(bytes[i])} << (8 * i);
    }
    return value;
}

constexpr std::uint64_t from_big_endian(std::span<const std::uint8_t> bytes) noexcept {
    std::uint64_t value = 0;
    for (const std::uint8_t byte : bytes) value = (value << 8U) | byte;
    return value;
}

// Decodes exactly eight bytes. Compilers turn this form into a single load.
constexpr std::uint64_t load_little_endian(const std::uint8_t* bytes) noexcept {
    return std::uint64_t{bytes[0]} | std::uint64_t{bytes[1]} << 8U | std::uint64_t{bytes[2]} << 16U |
           std::uint64_t{bytes[3]} << 24U | std::uint64_t{bytes[4]} << 32U | std::uint64_t{bytes[5]} << 40U |
           std::uint64_t{bytes[6]} << 48U | std::uint64_t{bytes[7]} << 56U;
}

// Encodes the lowest Size bytes of `value`.
template<std::size_t Size>
constexpr std::array<std::uint8_t, Size> to_little_endian(std::uint64_t value) noexcept {
    std::array<std::uint8_t, Size> out{};
    for (std::size_t i = 0; i < Size; ++i) out[i] = static_cast<std::uint8_t>(value >> (8 * i));
    return out;
}

template<std::size_t Size>
constexpr std::array<std::uint8_t, Size> to_big_endian(std::uint64_t value) noexcept {
    std::array<std::uint8_t, Size> out{};
    for (std::size_t i = 0; i < Size; ++i) out[Size - 1 - i] = static_cast<std::uint8_t>(value >> (8 * i));
    return out;
}

// Writes the lowest out.size() bytes of `value` into `out`.
constexpr void put_little_endian(std::span<char> out, std::uint64_t value) noexcept {
    for (std::size_t i = 0; i < out.size(); ++i) out[i] = static_cast<char>((value >> (8 * i)) & 0xFFU);
}

inline void append_little_endian(std::string& out, std::uint64_t value, std::size_t size) {
    for (std::size_t i = 0; i < size; ++i) out.push_back(static_cast<char>((value >> (8 * i)) & 0xFFU));
}

inline void append_big_endian(std::string& out, std::uint64_t value, std::size_t size) {
    for (std::size_t i = size; i-- > 0;) out.push_back(static_cast<char>((value >> (8 * i)) & 0xFFU));
}

}  // namespace osb

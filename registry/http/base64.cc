#include "registry/http/base64.hh"

#include <cstdint>

namespace osb::registry {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

std::string base64_encode(std::string_view bytes) {
    std::string out;
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        std::uint32_t group = 0;
        for (std::size_t j = 0; j < 3; ++j) {
            const std::uint32_t byte = i + j < bytes.size() ? static_cast<unsigned char>(bytes[i + j]) : 0;
            group = (group << 8U) | byte;
        }
        for (std::size_t j = 0; j < 4; ++j) {
            const bool padding = j > bytes.size() - i;
            out += padding ? '=' : kAlphabet[(group >> (18 - 6 * j)) & 63U];
        }
    }
    return out;
}

std::optional<std::string> base64_decode(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::string out;
    for (std::size_t i = 0; i < text.size(); i += 4) {
        std::uint32_t group = 0;
        std::size_t digits = 0;
        for (std::size_t j = 0; j < 4; ++j) {
            const std::size_t value = kAlphabet.find(text[i + j]);
            if (value != std::string_view::npos && digits == j)
                ++digits;
            else if (text[i + j] != '=' || i + 4 != text.size() || j < 2)
                return std::nullopt;
            group = (group << 6U) | static_cast<std::uint32_t>(value == std::string_view::npos ? 0 : value);
        }
        for (std::size_t j = 0; j + 1 < digits; ++j) {
            out += static_cast<char>((group >> (16 - 8 * j)) & 0xffU);
        }
    }
    // Bits that no byte takes must be zero, or one password had several spellings.
    if (base64_encode(out) != text) return std::nullopt;
    return out;
}

}  // namespace osb::registry

#include "oci/documents/json_text.hh"

#include <array>
#include <cstdint>

namespace osb::oci {
namespace {

constexpr std::string_view kAlphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNone = 0xFF;

constexpr std::array<std::uint8_t, 256> make_values() {
    std::array<std::uint8_t, 256> out{};
    for (std::uint8_t& value : out) value = kNone;
    for (std::size_t i = 0; i < kAlphabet.size(); ++i) {
        out[static_cast<std::uint8_t>(kAlphabet[i])] = static_cast<std::uint8_t>(i);
    }
    return out;
}
constexpr std::array<std::uint8_t, 256> kValues = make_values();

}  // namespace

void append_json_string(std::string& out, std::string_view text) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    out += '"';
    for (const char c : text) {
        const auto byte = static_cast<std::uint8_t>(c);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += c;
        } else if (byte < 0x20) {
            out += "\\u00";
            out += kDigits[byte >> 4U];
            out += kDigits[byte & 0xFU];
        } else {
            out += c;
        }
    }
    out += '"';
}

void append_base64(std::string& out, ByteView bytes) {
    out.reserve(out.size() + (bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t n = bytes.size() - i < 3 ? bytes.size() - i : 3;
        std::uint32_t group = std::uint32_t{bytes[i]} << 16U;
        if (n > 1) group |= std::uint32_t{bytes[i + 1]} << 8U;
        if (n > 2) group |= bytes[i + 2];
        out += kAlphabet[group >> 18U];
        out += kAlphabet[(group >> 12U) & 63U];
        out += n > 1 ? kAlphabet[(group >> 6U) & 63U] : '=';
        out += n > 2 ? kAlphabet[group & 63U] : '=';
    }
}

std::optional<std::string> decode_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::size_t padding = 0;
    while (padding < 2 && text.size() > padding && text[text.size() - 1 - padding] == '=') ++padding;
    std::string out;
    out.reserve(text.size() / 4 * 3);
    for (std::size_t i = 0; i < text.size(); i += 4) {
        const std::size_t digits = i + 4 == text.size() ? 4 - padding : 4;
        std::uint32_t group = 0;
        for (std::size_t k = 0; k < 4; ++k) {
            const std::uint8_t value = k < digits ? kValues[static_cast<std::uint8_t>(text[i + k])] : 0;
            if (value == kNone) return std::nullopt;
            group = (group << 6U) | value;
        }
        const std::size_t bytes = digits - 1;
        // Bits that belong to no byte must be 0, so that each value has one text.
        if ((group & ((1U << (8 * (3 - bytes))) - 1)) != 0) return std::nullopt;
        for (std::size_t k = 0; k < bytes; ++k) out += static_cast<char>((group >> (16 - 8 * k)) & 0xFFU);
    }
    return out;
}

}  // namespace osb::oci

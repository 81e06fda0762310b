#include "base/escape.hh"

#include <cstdint>

namespace osb {
namespace {

// The first code point of a text and its length in bytes; length 0 if it is not well-formed UTF-8.
struct Decoded {
    std::uint32_t code_point = 0;
    std::size_t length = 0;
};

std::size_t sequence_length(std::uint8_t lead) noexcept {
    if (lead < 0x80) return 1;
    if (lead >= 0xC2 && lead <= 0xDF) return 2;
    if (lead >= 0xE0 && lead <= 0xEF) return 3;
    if (lead >= 0xF0 && lead <= 0xF4) return 4;
    return 0;
}

Decoded decode(std::string_view text) noexcept {
    const auto lead = static_cast<std::uint8_t>(text.front());
    const std::size_t length = sequence_length(lead);
    if (length == 0 || length > text.size()) return {};
    if (length == 1) return {lead, 1};
    std::uint32_t code_point = lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        const auto byte = static_cast<std::uint8_t>(text[i]);
        if ((byte & 0xC0U) != 0x80U) return {};
        code_point = (code_point << 6U) | (byte & 0x3FU);
    }
    const bool overlong = (length == 3 && code_point < 0x800) || (length == 4 && code_point < 0x10000);
    const bool surrogate = code_point >= 0xD800 && code_point <= 0xDFFF;
    if (overlong || surrogate || code_point > 0x10FFFF) return {};
    return {code_point, length};
}

bool is_unsafe(std::uint32_t c) noexcept {
    return c < 0x20 || c == 0x7F || c == '\\' || (c >= 0x80 && c <= 0x9F) || (c >= 0x202A && c <= 0x202E) ||
           (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029 || c == 0x200E || c == 0x200F ||
           c == 0x061C;
}

void append_hex(std::string& out, std::string_view bytes) {
    constexpr std::string_view kDigits = "0123456789abcdef";
    for (const char c : bytes) {
        const auto byte = static_cast<std::uint8_t>(c);
        out += "\\x";
        out += kDigits[byte >> 4U];
        out += kDigits[byte & 0xFU];
    }
}

std::string escape_but(std::string_view text, std::size_t max_length, bool keeps_backslashes) {
    std::string out;
    while (!text.empty()) {
        if (out.size() >= max_length) return out + "...";
        const Decoded d = decode(text);
        const std::size_t length = d.length == 0 ? 1 : d.length;
        const bool is_kept = keeps_backslashes && text.front() == '\\';
        if (!is_kept && (d.length == 0 || is_unsafe(d.code_point))) {
            append_hex(out, text.substr(0, length));
        } else {
            out += text.substr(0, length);
        }
        text.remove_prefix(length);
    }
    return out;
}

}  // namespace

std::string escape(std::string_view text, std::size_t max_length) {
    return escape_but(text, max_length, false);
}

std::string escape_rest(std::string_view text, std::size_t max_length) {
    return escape_but(text, max_length, true);
}

std::string quoted(std::string_view text) {
    return "'" + escape(text) + "'";
}

bool is_utf8(std::string_view text) noexcept {
    while (!text.empty()) {
        // Names are nearly always ASCII: skip that without decoding.
        std::size_t ascii = 0;
        while (ascii < text.size() && static_cast<std::uint8_t>(text[ascii]) < 0x80) ++ascii;
        text.remove_prefix(ascii);
        if (text.empty()) break;
        const Decoded d = decode(text);
        if (d.length == 0) return false;
        text.remove_prefix(d.length);
    }
    return true;
}

}  // namespace osb

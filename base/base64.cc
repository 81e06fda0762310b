#include "base/base64.hh"

#include <array>
#include <cstddef>
#include <cstdint>

namespace osb {
namespace {

constexpr std::string_view kBase64Digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
constexpr std::uint8_t kNoDigit = 0xFF;

constexpr std::array<std::uint8_t, 256> make_digit_values() {
    std::array<std::uint8_t, 256> out{};
    for (std::uint8_t& value : out) value = kNoDigit;
    for (std::size_t i = 0; i < kBase64Digits.size(); ++i) {
        out[static_cast<std::uint8_t>(kBase64Digits[i])] = static_cast<std::uint8_t>(i);
    }
    return out;
}
constexpr std::array<std::uint8_t, 256> kDigitValues = make_digit_values();

}  // namespace

void append_base64(std::string& out, ByteView bytes) {
    std::size_t at = out.size();
    out.resize(at + (bytes.size() + 2) / 3 * 4);
    for (std::size_t i = 0; i < bytes.size(); i += 3) {
        const std::size_t n = bytes.size() - i < 3 ? bytes.size() - i : 3;
        std::uint32_t group = std::uint32_t{bytes[i]} << 16U;
        if (n > 1) group |= std::uint32_t{bytes[i + 1]} << 8U;
        if (n > 2) group |= bytes[i + 2];
        out[at++] = kBase64Digits[group >> 18U];
        out[at++] = kBase64Digits[(group >> 12U) & 63U];
        out[at++] = n > 1 ? kBase64Digits[(group >> 6U) & 63U] : '=';
        out[at++] = n > 2 ? kBase64Digits[group & 63U] : '=';
    }
}

std::string encode_base64(ByteView bytes) {
    std::string out;
    append_base64(out, bytes);
    return out;
}

std::string encode_base64(std::string_view bytes) {
    return encode_base64(as_bytes(bytes));
}

std::optional<std::string> decode_unpadded_base64(std::string_view text) {
    if (text.size() % 4 == 0 && text.ends_with('=')) text.remove_suffix(text.ends_with("==") ? 2 : 1);
    if (text.size() % 4 == 1) return std::nullopt;
    std::string out;
    out.reserve(text.size() / 4 * 3 + 2);
    std::uint32_t bits = 0;
    unsigned count = 0;
    for (const char c : text) {
        const std::uint8_t value = kDigitValues[static_cast<std::uint8_t>(c)];
        if (value == kNoDigit) return std::nullopt;
        bits = (bits << 6U) | value;
        count += 6;
        if (count < 8) continue;
        count -= 8;
        out += static_cast<char>((bits >> count) & 0xFFU);
    }
    return out;
}

std::optional<std::string> decode_base64(std::string_view text) {
    if (text.size() % 4 != 0) return std::nullopt;
    std::optional<std::string> out = decode_unpadded_base64(text);
    if (!out || text.empty()) return out;
    // Only the last group can have spare bits.
    const std::string_view last = text.substr(text.size() - 4);
    const std::size_t bytes = last.ends_with("==") ? 1 : last.ends_with('=') ? 2 : 3;
    if (encode_base64(std::string_view(*out).substr(out->size() - bytes)) != last) return std::nullopt;
    return out;
}

}  // namespace osb

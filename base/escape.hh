// Names that come from outside, made safe to print: no control byte reaches a terminal or a log.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace osb {

// Longest escaped text that is printed; what is longer is cut and ends in "...".
inline constexpr std::size_t kMaxPrinted = 512;

// Control bytes, DEL, backslash and everything that is not valid UTF-8 as \xNN; C1 controls and the
// bidirectional overrides of Unicode (which reorder a line on screen) too. The rest stays as it is.
std::string escape(std::string_view text, std::size_t max_length = kMaxPrinted);

// escape(text) in single quotes.
std::string quoted(std::string_view text);
// Without these a std::string would find std::quoted first, wherever <iomanip> was included.
inline std::string quoted(const std::string& text) {
    return quoted(std::string_view(text));
}
inline std::string quoted(std::string& text) {
    return quoted(std::string_view(text));
}
inline std::string quoted(const char* text) {
    return quoted(std::string_view(text));
}

// True for well-formed UTF-8 (no overlong forms, no surrogates, nothing past U+10FFFF).
bool is_utf8(std::string_view text) noexcept;

}  // namespace osb

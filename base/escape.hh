// Escaping of untrusted names for display. No control byte reaches a terminal or a log.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace osb {

// The maximum length of escaped text. Longer text is cut and ends in "...".
inline constexpr std::size_t kMaxPrinted = 512;

// Writes control bytes, DEL, backslash and invalid UTF-8 as \xNN. It does the same with C1 controls, Unicode
// line separators and bidirectional controls, which reorder a line on screen. All other text is unchanged.
std::string escape(std::string_view text, std::size_t max_length = kMaxPrinted);

// The same without backslashes: for text from another process, which should have escaped it.
std::string escape_rest(std::string_view text, std::size_t max_length = kMaxPrinted);

// escape(text) in single quotes.
std::string quoted(std::string_view text);
// Without these overloads, a std::string argument would select std::quoted wherever <iomanip> is included.
inline std::string quoted(const std::string& text) {
    return quoted(std::string_view(text));
}
inline std::string quoted(std::string& text) {
    return quoted(std::string_view(text));
}
inline std::string quoted(const char* text) {
    return quoted(std::string_view(text));
}

// True for well-formed UTF-8: no overlong forms, no surrogates, nothing above U+10FFFF.
bool is_utf8(std::string_view text) noexcept;

}  // namespace osb

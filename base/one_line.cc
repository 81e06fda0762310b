#include "base/one_line.hh"

#include <algorithm>

namespace osb {

std::string one_line(std::string_view text, std::size_t max_bytes) {
    constexpr std::string_view kBlanks = " \t\r\n";
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
    text = text.substr(0, text.find_last_not_of(kBlanks) + 1);
    const auto is_continued = [text](std::size_t at) {
        return at < text.size() && (static_cast<unsigned char>(text[at]) & 0xC0U) == 0x80;
    };
    std::size_t end = std::min(text.size(), max_bytes);
    while (end > 0 && is_continued(end)) --end;
    std::string out(text.substr(0, end));
    std::replace_if(
        out.begin(), out.end(), [](char c) { return static_cast<unsigned char>(c) < ' ' || c == '\x7f'; },
        '?');
    return out;
}

}  // namespace osb

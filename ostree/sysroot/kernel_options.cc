#include "ostree/sysroot/kernel_options.hh"

#include <algorithm>
#include <utility>

namespace osb::ostree {

std::vector<std::string> split_kernel_options(std::string_view text) {
    std::vector<std::string> out;
    std::string word;
    bool in_quotes = false;
    for (const char c : text) {
        if (c == '"') in_quotes = !in_quotes;
        const bool ends_word = c == '\n' || (!in_quotes && (c == ' ' || c == '\t'));
        if (!ends_word) {
            word += c;
        } else if (!word.empty()) {
            out.push_back(std::exchange(word, {}));
        }
    }
    if (!word.empty()) out.push_back(std::move(word));
    return out;
}

bool ends_kernel_options(std::string_view word) {
    constexpr char kLatinBlank = '\xA0';
    while (true) {
        const std::size_t end = std::min(word.find(kLatinBlank), word.size());
        const std::string_view part = word.substr(0, end);
        if (part == "--" || part == "\"--\"") return true;
        if (end == word.size()) return false;
        word.remove_prefix(end + 1);
    }
}

}  // namespace osb::ostree

#include "image/settings/credentials.hh"

#include <algorithm>
#include <array>
#include <vector>

namespace osb::image {
namespace {

std::vector<std::string_view> split_at(std::string_view text, std::string_view separators) {
    std::vector<std::string_view> out;
    while (true) {
        const std::size_t end = text.find_first_of(separators);
        out.push_back(text.substr(0, end));
        if (end == std::string_view::npos) return out;
        text.remove_prefix(end + 1);
    }
}

bool is_letter_or_digit(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

bool is_key_type(std::string_view word) {
    constexpr std::array<std::string_view, 4> kTypes{"ssh-", "ecdsa-sha2-", "sk-ssh-", "sk-ecdsa-sha2-"};
    return std::any_of(kTypes.begin(), kTypes.end(), [word](std::string_view type) {
        return word.size() > type.size() && word.starts_with(type);
    });
}

bool is_base64(std::string_view word) {
    return !word.empty() && is_letter_or_digit(word.front()) &&
           std::all_of(word.begin(), word.end(), [](char c) {
               return is_letter_or_digit(c) || c == '+' || c == '/' || c == '=' || c == '.';
           });
}

}  // namespace

bool is_password_hash(std::string_view text) {
    constexpr std::size_t kLeastParts = 4;  // the text before the first "$", ID, salt or parameters, hash
    const std::vector<std::string_view> parts = split_at(text, "$");
    if (parts.size() < kLeastParts || !parts.front().empty()) return false;
    return std::all_of(parts[1].begin(), parts[1].end(), is_letter_or_digit) &&
           std::none_of(parts.begin() + 1, parts.end(), [](std::string_view part) { return part.empty(); });
}

bool is_authorized_key(std::string_view line) {
    if (line.starts_with('#')) return true;
    const std::vector<std::string_view> words = split_at(line, " \t");
    for (std::size_t i = 0; i + 1 < words.size(); ++i) {
        if (is_key_type(words[i]) && is_base64(words[i + 1])) return true;
    }
    return false;
}

}  // namespace osb::image

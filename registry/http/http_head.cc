#include "registry/http/http_head.hh"

#include <algorithm>
#include <charconv>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::registry {

void HttpHead::add_line(std::string_view line) {
    bytes_ += line.size();
    if (++count_ > limits_.max_headers || bytes_ > limits_.max_bytes) {
        throw Error(ErrorKind::unavailable, "the server sent too many or too long headers");
    }
    if (line.starts_with("HTTP/")) {
        // A new response: the previous one was interim or from the proxy.
        complete_ = false;
        headers_.clear();
        const std::string_view code = line.substr(std::min(line.find(' '), line.size() - 1) + 1);
        status_ = 0;
        std::from_chars(code.data(), code.data() + code.size(), status_);
        return;
    }
    if (complete_) return;
    const std::string_view text = trim(line);
    if (text.empty()) {
        complete_ = status_ >= 200;
        return;
    }
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon == 0) return;
    headers_.emplace_back(to_lower(text.substr(0, colon)), trim(text.substr(colon + 1)));
}

std::string to_lower(std::string_view text) {
    std::string out(text);
    for (char& c : out) {
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    }
    return out;
}

std::string_view trim(std::string_view text) noexcept {
    const auto is_space = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && is_space(text.front())) text.remove_prefix(1);
    while (!text.empty() && is_space(text.back())) text.remove_suffix(1);
    return text;
}

std::optional<std::uint64_t> parse_number(std::string_view text) noexcept {
    std::uint64_t out = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), out);
    if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
    return out;
}

std::optional<std::string_view> find_header(const HeaderList& headers, std::string_view name) {
    std::optional<std::string_view> out;
    for (const auto& [key, value] : headers) {
        if (key != name) continue;
        if (out && *out != value) {
            throw Error(ErrorKind::unavailable,
                        concat("the server sent two headers ", quoted(name), " that differ"));
        }
        out = value;
    }
    return out;
}

}  // namespace osb::registry

#include "ostree/push/http_request.hh"

#include <algorithm>

namespace osb::ostree {
namespace {

constexpr std::string_view kLineEnd = "\r\n";

bool is_visible(char c) {
    return c > 0x20 && c < 0x7f;
}

bool is_token(std::string_view text) {
    return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
        return is_visible(c) && std::string_view("\"(),/:;<=>?@[\\]{}").find(c) == std::string_view::npos;
    });
}

// The text up to the next `separator`, which is removed with it; nothing when there is none.
std::optional<std::string_view> take_until(std::string_view& text, std::string_view separator) {
    const std::size_t at = text.find(separator);
    if (at == std::string_view::npos) return std::nullopt;
    const std::string_view out = text.substr(0, at);
    text.remove_prefix(at + separator.size());
    return out;
}

std::string lower(std::string_view text) {
    std::string out(text);
    for (char& c : out)
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
    return out;
}

bool parse_field(std::string_view line, HttpRequest& request) {
    const std::optional<std::string_view> name = take_until(line, ":");
    const bool clean = std::all_of(line.begin(), line.end(),
                                   [](char c) { return c == '\t' || static_cast<unsigned char>(c) >= 0x20; });
    if (!name || !is_token(*name) || !clean) return false;
    const std::string key = lower(*name);
    if (key == "connection" && lower(line).find("close") != std::string::npos) request.keep_alive = false;
    if (key == "content-length" || key == "transfer-encoding") request.has_body = true;
    return true;
}

}  // namespace

std::optional<HttpRequest> parse_request(std::string_view head) {
    std::optional<std::string_view> line = take_until(head, kLineEnd);
    if (!line) return std::nullopt;
    const std::optional<std::string_view> method = take_until(*line, " ");
    const std::optional<std::string_view> target = take_until(*line, " ");
    if (!method || !target || !is_token(*method) || !target->starts_with('/')) return std::nullopt;
    if (!std::all_of(target->begin(), target->end(), is_visible)) return std::nullopt;
    if (*line != "HTTP/1.1") return std::nullopt;
    HttpRequest request{
        .method = std::string(*method), .target = std::string(*target), .keep_alive = *line == "HTTP/1.1"};
    for (;;) {
        line = take_until(head, kLineEnd);
        if (!line) return std::nullopt;
        if (line->empty()) break;
        if (!parse_field(*line, request)) return std::nullopt;
    }
    if (!head.empty()) return std::nullopt;
    return request;
}

}  // namespace osb::ostree

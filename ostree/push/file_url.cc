#include <algorithm>
#include <optional>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/push/archive_push.hh"

namespace osb::ostree {
namespace {

std::optional<unsigned> hex_digit(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a' + 10);
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A' + 10);
    return std::nullopt;
}

// Returns nullopt for a '%' without two hexadecimal digits after it, and for an encoded NUL.
std::optional<std::string> percent_decode(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '%') {
            out += text[i];
            continue;
        }
        if (i + 2 >= text.size()) return std::nullopt;
        const auto high = hex_digit(text[i + 1]);
        const auto low = hex_digit(text[i + 2]);
        if (!high || !low || (*high == 0 && *low == 0)) return std::nullopt;
        out += static_cast<char>(*high * 16 + *low);
        i += 2;
    }
    return out;
}

}  // namespace

// Parses a file URL (RFC 8089).
std::string parse_file_url(std::string_view url) {
    const auto refuse = [&](std::string_view why) {
        return Error(ErrorKind::usage, concat("cannot push to ", quoted(url), ": ", why))
            .hint("write file:///DIRECTORY, with an absolute path");
    };
    std::string_view rest = url;
    if (!rest.starts_with("file:")) throw refuse("not a URL of the scheme file");
    rest.remove_prefix(5);
    if (rest.starts_with("//")) {
        rest.remove_prefix(2);
        const std::string_view host = rest.substr(0, rest.find('/'));
        if (!host.empty() && host != "localhost") throw refuse("it names another host");
        rest.remove_prefix(host.size());
    }
    if (!rest.starts_with('/')) throw refuse("it does not name an absolute path");
    std::optional<std::string> path = percent_decode(rest);
    if (!path || path->find('\0') != std::string::npos) throw refuse("a malformed path");
    return *std::move(path);
}

}  // namespace osb::ostree

#include "registry/http/url.hh"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "base/bytes.hh"

namespace osb::registry {
namespace {

bool is_digit(char c) noexcept {
    return c >= '0' && c <= '9';
}
bool is_hex_digit(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}
bool is_alphanumeric(char c) noexcept {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
char to_lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
}

bool is_printable(std::string_view text) {
    return std::all_of(text.begin(), text.end(), [](char c) {
        // The backslash is a slash to some readers and none to others.
        return c > ' ' && c < 0x7f && c != '\\' && c != '"' && c != '<' && c != '>';
    });
}

bool is_host_name(std::string_view host) {
    if (host.empty() || host.size() > 253 || host.front() == '.' || host.front() == '-') return false;
    return std::all_of(host.begin(), host.end(),
                       [](char c) { return is_alphanumeric(c) || c == '.' || c == '-' || c == '_'; }) &&
           host.find("..") == std::string_view::npos;
}

bool is_address(std::string_view inside) {
    return inside.size() >= 2 && inside.size() <= 45 && std::all_of(inside.begin(), inside.end(), [](char c) {
               return is_hex_digit(c) || c == ':' || c == '.';
           });
}

// "host[:port]" into out; false when it is malformed.
bool parse_authority(std::string_view text, Url& out) {
    std::size_t end = 0;
    if (text.starts_with('[')) {
        end = text.find(']');
        if (end == std::string_view::npos || !is_address(text.substr(1, end - 1))) return false;
        ++end;
    } else {
        end = std::min(text.find(':'), text.size());
        if (!is_host_name(text.substr(0, end))) return false;
    }
    out.host.resize(end);
    std::transform(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(end), out.host.begin(), to_lower);
    std::string_view rest = text.substr(end);
    if (rest.empty()) {
        out.port = out.scheme == "https" ? 443 : 80;
        return true;
    }
    if (rest.front() != ':') return false;
    rest.remove_prefix(1);
    const auto [last, error] = std::from_chars(rest.data(), rest.data() + rest.size(), out.port);
    return error == std::errc() && last == rest.data() + rest.size() && out.port != 0;
}

// Drops "." and ".." segments: RFC 3986, 5.2.4.
std::string without_dots(std::string_view path) {
    std::string out;
    while (!path.empty()) {
        const std::size_t end = std::min(path.find('/', 1), path.size());
        const std::string_view segment = path.substr(0, end);
        path.remove_prefix(end);
        if (segment == "/.") {
            if (path.empty()) out += '/';
        } else if (segment == "/..") {
            out.resize(out.rfind('/') == std::string::npos ? 0 : out.rfind('/'));
            if (path.empty()) out += '/';
        } else {
            out += segment;
        }
    }
    return out;
}

// The scheme in lower case, or "" when the text begins with none.
std::string scheme_of(std::string_view text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string_view::npos || colon > text.find_first_of("/?#")) return {};
    std::string out(text.substr(0, colon));
    std::transform(out.begin(), out.end(), out.begin(), to_lower);
    return out;
}

bool is_private_v4(std::uint32_t address) noexcept {
    struct Range {
        std::uint32_t first;
        unsigned bits;
    };
    static constexpr std::array<Range, 7> kRanges = {{{0x00000000, 8},
                                                      {0x0a000000, 8},
                                                      {0x64400000, 10},
                                                      {0x7f000000, 8},
                                                      {0xa9fe0000, 16},
                                                      {0xac100000, 12},
                                                      {0xc0a80000, 16}}};
    return std::any_of(kRanges.begin(), kRanges.end(), [address](const Range& range) {
        return (address >> (32 - range.bits)) == (range.first >> (32 - range.bits));
    });
}

bool is_private_v6(const std::string& text) {
    std::array<std::uint8_t, 16> bytes{};
    if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return true;  // nobody knows what it is
    const bool high_zero = std::all_of(bytes.begin(), bytes.begin() + 10, [](auto b) { return b == 0; });
    const bool mapped = high_zero && ((bytes[10] == 0xff && bytes[11] == 0xff) ||
                                      (bytes[10] == 0 && bytes[11] == 0));  // ::1 and :: too
    if (mapped) {
        const std::uint32_t v4 = (std::uint32_t{bytes[12]} << 24U) | (std::uint32_t{bytes[13]} << 16U) |
                                 (std::uint32_t{bytes[14]} << 8U) | std::uint32_t{bytes[15]};
        return is_private_v4(v4);
    }
    return (bytes[0] & 0xfeU) == 0xfc || (bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80);
}

// The last label is a number: for inet_aton() and thereby for most resolvers the host is an address then.
bool is_numeric(std::string_view host) {
    const std::string_view last = host.substr(host.rfind('.') + 1);
    if (last.starts_with("0x")) return std::all_of(last.begin() + 2, last.end(), is_hex_digit);
    return !last.empty() && std::all_of(last.begin(), last.end(), is_digit);
}

}  // namespace

std::optional<Url> Url::parse(std::string_view text) {
    if (text.size() > kMaxLength || !is_printable(text)) return std::nullopt;
    Url out;
    out.scheme = scheme_of(text);
    if (out.scheme != "http" && out.scheme != "https") return std::nullopt;
    text.remove_prefix(out.scheme.size() + 1);
    if (!text.starts_with("//")) return std::nullopt;
    text.remove_prefix(2);
    const std::size_t end = std::min(text.find_first_of("/?#"), text.size());
    if (!parse_authority(text.substr(0, end), out)) return std::nullopt;
    text = text.substr(end, text.find('#') - end);
    if (!text.starts_with('/')) out.target = "/";
    out.target += text;
    return out;
}

std::optional<Url> Url::resolve(std::string_view location) const {
    if (location.empty() || location.size() > kMaxLength || !is_printable(location)) return std::nullopt;
    if (!scheme_of(location).empty()) return parse(location);
    if (location.starts_with("//")) return parse(concat(scheme, ':', location));
    Url out = *this;
    location = location.substr(0, location.find('#'));
    const std::string_view path = std::string_view(target).substr(0, target.find('?'));
    if (location.starts_with('/')) {
        out.target = location;
    } else if (location.starts_with('?')) {
        out.target = concat(path, location);
    } else {
        out.target = concat(path.substr(0, path.rfind('/') + 1), location);
    }
    const std::size_t query = std::min(out.target.find('?'), out.target.size());
    out.target = without_dots(std::string_view(out.target).substr(0, query)) + out.target.substr(query);
    return out.target.starts_with('/') ? std::optional<Url>(out) : std::nullopt;
}

std::string Url::host_port() const {
    const bool usual = port == (scheme == "https" ? 443 : 80);
    return usual ? host : concat(host, ':', port);
}

std::string Url::to_string() const {
    return concat(scheme, "://", host_port(), target);
}

std::string Url::redacted() const {
    return concat(scheme, "://", host_port(), std::string_view(target).substr(0, target.find('?')));
}

void Url::add_query(std::string_view key, std::string_view value) {
    const bool has_query = target.find('?') != std::string::npos;
    if (!has_query) {
        target += '?';
    } else if (target.back() != '?' && target.back() != '&') {
        target += '&';
    }
    target += concat(percent_encode(key), '=', percent_encode(value));
}

std::string percent_encode(std::string_view text) {
    static constexpr std::string_view kHex = "0123456789ABCDEF";
    std::string out;
    for (const char c : text) {
        if (is_alphanumeric(c) || c == '-' || c == '.' || c == '_' || c == '~') {
            out += c;
        } else {
            const auto byte = static_cast<unsigned char>(c);
            out += {'%', kHex[byte >> 4U], kHex[byte & 15U]};
        }
    }
    return out;
}

bool is_private_host(std::string_view host) {
    if (host.starts_with('[') && host.ends_with(']')) {
        return is_private_v6(std::string(host.substr(1, host.size() - 2)));
    }
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host == "localhost" || host.ends_with(".localhost")) return true;
    if (!is_numeric(host)) return false;
    std::uint32_t address = 0;
    // What is numeric and yet not the usual dotted form (2130706433, 0x7f.1) is somebody's trick.
    if (::inet_pton(AF_INET, std::string(host).c_str(), &address) != 1) return true;
    return is_private_v4(ntohl(address));
}

bool is_loopback_host(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    if (host == "localhost") return true;
    std::uint32_t v4 = 0;
    if (::inet_pton(AF_INET, std::string(host).c_str(), &v4) == 1) return (ntohl(v4) >> 24U) == 127;
    if (!host.starts_with('[') || !host.ends_with(']')) return false;
    std::array<std::uint8_t, 16> v6{};
    if (::inet_pton(AF_INET6, std::string(host.substr(1, host.size() - 2)).c_str(), v6.data()) != 1)
        return false;
    if (!std::all_of(v6.begin(), v6.begin() + 10, [](auto b) { return b == 0; })) return false;
    const bool mapped = v6[10] == 0xff && v6[11] == 0xff;
    const bool one = std::all_of(v6.begin() + 10, v6.end() - 1, [](auto b) { return b == 0; }) && v6[15] == 1;
    return one || (mapped && v6[12] == 127);
}

}  // namespace osb::registry

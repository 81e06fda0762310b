#include "registry/http/url.hh"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <memory>
#include <new>

#include "base/byte_order.hh"
#include "base/bytes.hh"
#include "registry/http/curl.hh"

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
        // Some readers treat a backslash as a slash.
        return c > ' ' && c < 0x7f && c != '\\' && c != '"' && c != '<' && c != '>';
    });
}

bool is_host_name(std::string_view host) {
    if (host.empty() || host.size() > 253 || host.front() == '.' || host.front() == '-') return false;
    return std::all_of(host.begin(), host.end(),
                       [](char c) { return is_alphanumeric(c) || c == '.' || c == '-' || c == '_'; }) &&
           host.find("..") == std::string_view::npos;
}

// Rejects URLs that readers interpret differently, before libcurl parses them, because libcurl is lenient:
// "http:/h", "http:///h", "http://h:/", percent signs in the host.
bool is_strict(std::string_view text) {
    const std::size_t end = text.find_first_of(":/?#");
    const bool has_scheme = end != std::string_view::npos && text[end] == ':';
    if (has_scheme) text.remove_prefix(end + 1);
    if (!text.starts_with("//")) return !has_scheme;
    text.remove_prefix(2);
    const std::string_view authority = text.substr(0, text.find_first_of("/?#"));
    return !authority.empty() && authority.back() != ':' && authority.find('%') == std::string_view::npos;
}

// Encodes what follows the authority as browsers and Go's clients do: servers put names of files and
// repositories into locations without encoding blanks, quotes and letters beyond ASCII.
std::string with_encoded_path(std::string_view location) {
    const std::size_t slashes = location.find("//");
    const bool is_first = slashes != std::string_view::npos && location.find_first_of("/?#") == slashes;
    const bool has_authority = is_first && (slashes == 0 || location[slashes - 1] == ':');
    const std::size_t begin = has_authority ? location.find_first_of("/?#", slashes + 2) : 0;
    if (begin == std::string_view::npos) return std::string(location);
    std::string out(location.substr(0, begin));
    for (const char c : location.substr(begin)) {
        const bool is_odd =
            c == ' ' || c == '"' || c == '<' || c == '>' || static_cast<unsigned char>(c) >= 0x80;
        out += is_odd ? percent_encode({&c, 1}) : std::string(1, c);
    }
    return out;
}

struct CurlUrlDeleter {
    void operator()(CURLU* url) const noexcept { curl_url_cleanup(url); }
};
using CurlUrl = std::unique_ptr<CURLU, CurlUrlDeleter>;

CurlUrl make_curl_url() {
    initialise_curl();
    CurlUrl out(curl_url());
    if (!out) throw std::bad_alloc();
    return out;
}

// A part of the URL, "" if it is missing.
std::string part_of(CURLU* url, CURLUPart part, unsigned flags = 0) {
    char* text = nullptr;
    if (curl_url_get(url, part, &text, flags) != CURLUE_OK) return {};
    const std::unique_ptr<char, decltype(&curl_free)> owned(text, curl_free);
    return text;
}

// Resolves `text` relative to `url`; without `url`, `text` must be absolute.
std::optional<Url> read_url(CURLU* url, std::string_view text) {
    if (text.empty() || text.size() > Url::kMaxLength || !is_printable(text) || !is_strict(text)) {
        return std::nullopt;
    }
    if (curl_url_set(url, CURLUPART_URL, std::string(text).c_str(), CURLU_DISALLOW_USER) != CURLUE_OK) {
        return std::nullopt;
    }
    Url out{.scheme = part_of(url, CURLUPART_SCHEME), .host = part_of(url, CURLUPART_HOST)};
    if (out.scheme != "http" && out.scheme != "https") return std::nullopt;
    if (!out.host.starts_with('[') && !is_host_name(out.host)) return std::nullopt;
    std::transform(out.host.begin(), out.host.end(), out.host.begin(), to_lower);
    const std::string port = part_of(url, CURLUPART_PORT, CURLU_DEFAULT_PORT);
    if (std::from_chars(port.data(), port.data() + port.size(), out.port).ec != std::errc() ||
        out.port == 0) {
        return std::nullopt;
    }
    const std::string query = part_of(url, CURLUPART_QUERY);
    out.target = concat(part_of(url, CURLUPART_PATH), query.empty() ? "" : "?", query);
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
    if (::inet_pton(AF_INET6, text.c_str(), bytes.data()) != 1) return true;  // not a valid address
    const bool high_zero = std::all_of(bytes.begin(), bytes.begin() + 10, [](auto b) { return b == 0; });
    const bool mapped = high_zero && ((bytes[10] == 0xff && bytes[11] == 0xff) ||
                                      (bytes[10] == 0 && bytes[11] == 0));  // also ::1 and ::
    if (mapped) {
        return is_private_v4(static_cast<std::uint32_t>(from_big_endian(ByteView(bytes).subspan(12))));
    }
    return (bytes[0] & 0xfeU) == 0xfc || (bytes[0] == 0xfe && (bytes[1] & 0xc0U) == 0x80);
}

// True if the last label is a number. inet_aton() and thus most resolvers treat such a host as an address.
bool is_numeric(std::string_view host) {
    const std::string_view last = host.substr(host.rfind('.') + 1);
    if (last.starts_with("0x")) return std::all_of(last.begin() + 2, last.end(), is_hex_digit);
    return !last.empty() && std::all_of(last.begin(), last.end(), is_digit);
}

}  // namespace

std::optional<Url> Url::parse(std::string_view text) {
    return read_url(make_curl_url().get(), text);
}

std::optional<Url> Url::resolve(std::string_view location) const {
    const CurlUrl page = make_curl_url();
    if (curl_url_set(page.get(), CURLUPART_URL, to_string().c_str(), 0) != CURLUE_OK) return std::nullopt;
    return read_url(page.get(), with_encoded_path(location));
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
    // A numeric host in another form (2130706433, 0x7f.1) is suspicious.
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

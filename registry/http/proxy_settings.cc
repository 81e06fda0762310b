#include "registry/http/proxy_settings.hh"

#include <arpa/inet.h>

#include <algorithm>
#include <array>
#include <cstdlib>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/secret.hh"
#include "registry/http/http_head.hh"

namespace osb::registry {
namespace {

struct Scheme {
    std::string_view name;
    ProxyKind kind;
    std::uint16_t port;
};

// In all of these, the proxy resolves host names, because often only the proxy can.
constexpr std::array<Scheme, 6> kSchemes{{
    {.name = "http", .kind = ProxyKind::http, .port = 80},
    {.name = "https", .kind = ProxyKind::https, .port = 443},
    {.name = "socks4", .kind = ProxyKind::socks4, .port = 1080},
    {.name = "socks4a", .kind = ProxyKind::socks4, .port = 1080},
    {.name = "socks5", .kind = ProxyKind::socks5, .port = 1080},
    {.name = "socks5h", .kind = ProxyKind::socks5, .port = 1080},
}};

std::optional<unsigned> hex_value(char c) {
    if (c >= '0' && c <= '9') return static_cast<unsigned>(c - '0');
    if (c >= 'a' && c <= 'f') return static_cast<unsigned>(c - 'a') + 10;
    if (c >= 'A' && c <= 'F') return static_cast<unsigned>(c - 'A') + 10;
    return std::nullopt;
}

// Returns nullopt for a malformed escape, and for control characters, which no proxy protocol supports.
std::optional<std::string> percent_decoded(std::string_view text) {
    std::string out;
    for (std::size_t i = 0; i < text.size(); ++i) {
        char c = text[i];
        if (c == '%') {
            const auto high = i + 2 < text.size() ? hex_value(text[i + 1]) : std::nullopt;
            const auto low = high ? hex_value(text[i + 2]) : std::nullopt;
            if (!low) return std::nullopt;
            c = static_cast<char>(*high * 16 + *low);
            i += 2;
        }
        if (static_cast<unsigned char>(c) < ' ' || c == 0x7f) return std::nullopt;
        out += c;
    }
    return out;
}

std::optional<std::uint16_t> parse_port(std::string_view text) {
    const auto number = parse_number(text);
    if (!number || *number == 0 || *number > 65535) return std::nullopt;
    return static_cast<std::uint16_t>(*number);
}

// Parses an address to 4 or 16 bytes; empty if it is not an address. An IPv4-mapped IPv6 address gives 4
// bytes.
std::vector<std::uint8_t> address_of(std::string_view host) {
    if (host.starts_with('[') && host.ends_with(']')) host = host.substr(1, host.size() - 2);
    const std::string text(host);
    std::vector<std::uint8_t> out(4);
    if (::inet_pton(AF_INET, text.c_str(), out.data()) == 1) return out;
    out.resize(16);
    if (::inet_pton(AF_INET6, text.c_str(), out.data()) != 1) return {};
    constexpr std::array<std::uint8_t, 12> kMapped{0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff};
    if (std::equal(kMapped.begin(), kMapped.end(), out.begin())) out.erase(out.begin(), out.begin() + 12);
    return out;
}

bool is_in(const std::vector<std::uint8_t>& address, const std::vector<std::uint8_t>& network,
           unsigned bits) {
    if (address.size() != network.size()) return false;
    for (std::size_t i = 0; i < address.size() && bits > 0; ++i) {
        const unsigned count = std::min(bits, 8U);
        const auto mask = static_cast<std::uint8_t>(0xff00U >> count);
        if (((address[i] ^ network[i]) & mask) != 0) return false;
        bits -= count;
    }
    return true;
}

// Splits "host:port" and "[host]:port"; the port is 0 if there is none. Returns nullopt for a malformed port.
std::optional<std::pair<std::string_view, std::uint16_t>> split_port(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    const bool bare_v6 = !text.starts_with('[') && text.find(':') != colon;
    if (colon == std::string_view::npos || bare_v6 || text.ends_with(']'))
        return std::pair(text, std::uint16_t{0});
    const auto port = parse_port(text.substr(colon + 1));
    if (!port) return std::nullopt;
    return std::pair(text.substr(0, colon), *port);
}

std::optional<Proxy> read_proxy(const std::function<const char*(const char*)>& lookup,
                                std::initializer_list<const char*> names) {
    for (const char* name : names) {
        const char* value = lookup(name);
        if (value == nullptr || *value == '\0') continue;
        forbid_core_dumps();
        std::optional<Proxy> out = parse_proxy(value);
        if (!out) {
            throw Error(ErrorKind::usage, concat("the variable ", name, " is not a proxy"))
                .hint("write http://HOST:PORT, https://HOST:PORT or socks5://HOST:PORT");
        }
        keep_secret(out->password);
        return out;
    }
    return std::nullopt;
}

}  // namespace

std::string Proxy::host_port() const {
    return concat(host, ':', port);
}

std::string Proxy::to_string() const {
    // libcurl's names for the kinds in which the proxy resolves host names.
    static constexpr std::array<std::string_view, 4> kNames{"http", "https", "socks4a", "socks5h"};
    return concat(kNames[static_cast<std::size_t>(kind)], "://", host_port());
}

std::optional<Proxy> parse_proxy(std::string_view text) {
    text = trim(text);
    const std::size_t colon = text.find("://");
    const std::string name = colon == std::string_view::npos ? "http" : to_lower(text.substr(0, colon));
    const auto scheme =
        std::find_if(kSchemes.begin(), kSchemes.end(), [&](const Scheme& one) { return one.name == name; });
    if (scheme == kSchemes.end()) return std::nullopt;
    if (colon != std::string_view::npos) text.remove_prefix(colon + 3);
    // A password may have an unescaped '/'. Text after the host is ignored.
    const std::size_t at = text.rfind('@');
    const std::string_view user_part = at == std::string_view::npos ? "" : text.substr(0, at);
    if (at != std::string_view::npos) text.remove_prefix(at + 1);
    text = text.substr(0, text.find_first_of("/?#"));
    const std::optional<Url> place = Url::parse(concat("http://", text, "/"));
    const auto split = split_port(text);
    if (!place || !split) return std::nullopt;
    Proxy out{.kind = scheme->kind,
              .host = place->host,
              .port = split->second == 0 ? scheme->port : split->second,
              .user = {},
              .password = {}};
    const std::size_t end = std::min(user_part.find(':'), user_part.size());
    const auto user = percent_decoded(user_part.substr(0, end));
    const auto password = percent_decoded(end < user_part.size() ? user_part.substr(end + 1) : "");
    if (!user || !password) return std::nullopt;
    out.user = *user;
    out.password = *password;
    return out;
}

NoProxyList::NoProxyList(std::string_view text) {
    constexpr std::string_view kSeparators = ", \t\r\n";
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(kSeparators), text.size());
        add(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

void NoProxyList::add(std::string_view entry) {
    if (entry.empty()) return;
    if (entry == "*") {
        all_ = true;
        return;
    }
    const std::size_t slash = entry.find('/');
    if (slash != std::string_view::npos) {
        std::vector<std::uint8_t> address = address_of(entry.substr(0, slash));
        const auto bits = parse_number(entry.substr(slash + 1));
        if (address.empty() || !bits || *bits > address.size() * 8) return;
        networks_.push_back({.address = std::move(address), .bits = static_cast<unsigned>(*bits), .port = 0});
        return;
    }
    const auto split = split_port(entry);
    if (!split || split->first.empty()) return;
    const auto [host, port] = *split;
    std::vector<std::uint8_t> address = address_of(host);
    if (!address.empty()) {
        const auto bits = static_cast<unsigned>(address.size() * 8);
        networks_.push_back({.address = std::move(address), .bits = bits, .port = port});
        return;
    }
    std::string suffix = to_lower(host);
    if (suffix.starts_with("*.")) suffix.erase(0, 1);
    while (suffix.size() > 1 && suffix.ends_with('.')) suffix.pop_back();
    const bool itself = !suffix.starts_with('.');
    if (itself) suffix.insert(0, 1, '.');
    if (suffix.size() > 1) domains_.push_back({.suffix = suffix, .itself = itself, .port = port});
}

bool NoProxyList::holds(const Url& url) const {
    if (all_) return true;
    const auto is_port = [&](std::uint16_t port) { return port == 0 || port == url.port; };
    const std::vector<std::uint8_t> address = address_of(url.host);
    if (!address.empty()) {
        return std::any_of(networks_.begin(), networks_.end(), [&](const Network& one) {
            return is_port(one.port) && is_in(address, one.address, one.bits);
        });
    }
    std::string_view host = url.host;
    if (host.ends_with('.')) host.remove_suffix(1);
    return std::any_of(domains_.begin(), domains_.end(), [&](const Domain& one) {
        const bool below = host.size() > one.suffix.size() && host.ends_with(one.suffix);
        return is_port(one.port) && (below || (one.itself && host == one.suffix.substr(1)));
    });
}

ProxySettings ProxySettings::from_environment(const std::function<const char*(const char*)>& given) {
    const auto lookup = [&](const char* name) -> const char* {
        return given ? given(name) : std::getenv(name);  // NOLINT(concurrency-mt-unsafe): read-only use
    };
    ProxySettings out;
    const bool cgi = lookup("REQUEST_METHOD") != nullptr;
    out.for_http =
        cgi ? read_proxy(lookup, {"http_proxy"}) : read_proxy(lookup, {"HTTP_PROXY", "http_proxy"});
    out.for_https = read_proxy(lookup, {"HTTPS_PROXY", "https_proxy"});
    for (std::optional<Proxy>* one : {&out.for_http, &out.for_https}) {
        if (!*one) *one = read_proxy(lookup, {"ALL_PROXY", "all_proxy"});
    }
    for (const char* name : {"NO_PROXY", "no_proxy"}) {
        const char* value = lookup(name);
        if (value == nullptr || *value == '\0') continue;
        out.none = NoProxyList(value);
        break;
    }
    return out;
}

const Proxy* ProxySettings::find(const Url& url) const {
    const std::optional<Proxy>& one = url.scheme == "https" ? for_https : for_http;
    if (!one || is_loopback_host(url.host) || none.holds(url)) return nullptr;
    return &*one;
}

}  // namespace osb::registry

// The choice of a proxy from $HTTPS_PROXY, $HTTP_PROXY, $ALL_PROXY and $NO_PROXY, with the rules of Go
// programs (podman, skopeo, docker). libcurl's rules differ in many places and between versions, so the
// result is passed to it explicitly.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "registry/http/url.hh"

namespace osb::registry {

struct TlsOptions;

enum class ProxyKind { http, https, socks4, socks5 };

// A proxy server.
struct Proxy {
    ProxyKind kind = ProxyKind::http;
    std::string host;  // lower case; an IPv6 address is in brackets
    std::uint16_t port = 0;
    // Decoded; "" for none. Never printed.
    std::string user;
    std::string password;

    // "http://host:port", without user and password, for libcurl and for messages.
    std::string to_string() const;
    std::string host_port() const;
};

// Parses "[http|https|socks4|socks4a|socks5|socks5h://][USER[:PASSWORD]@]HOST[:PORT][/]". The default scheme
// is http. The default port is 80, 443 or 1080. Returns nullopt for malformed text.
std::optional<Proxy> parse_proxy(std::string_view text);

// The servers that need no proxy: a list separated by commas and white space. Its entries are:
//   *                          all servers
//   10.0.0.1, 10.0.0.1:8080    an address, with a port only for that port; IPv6 then needs brackets
//   10.0.0.0/8                 a network
//   example.com                this name and its subdomains; with ":PORT" only for that port
//   .example.com, *.example.com  only the subdomains
// Other entries are ignored.
class NoProxyList {
  public:
    NoProxyList() = default;
    explicit NoProxyList(std::string_view text);

    bool holds(const Url& url) const;

  private:
    struct Network {
        std::vector<std::uint8_t> address;  // 4 or 16 bytes
        unsigned bits = 0;
        std::uint16_t port = 0;  // 0: any port
    };
    struct Domain {
        std::string suffix;  // starts with '.'
        bool itself = false;
        std::uint16_t port = 0;
    };
    void add(std::string_view entry);

    bool all_ = false;
    std::vector<Network> networks_;
    std::vector<Domain> domains_;
};

// The proxies for both schemes, and the exceptions.
struct ProxySettings {
    std::optional<Proxy> for_http;
    std::optional<Proxy> for_https;
    NoProxyList none;
    // Returns the TLS options for a proxy with TLS, by its host[:port]; may be empty to use the system's
    // certificates. `verify` is ignored, because options for a registry do not concern the proxy.
    std::function<std::shared_ptr<const TlsOptions>(const std::string& host)> tls;

    // Reads the environment; `lookup` replaces getenv(). Upper-case names have precedence. Ignores
    // $HTTP_PROXY if $REQUEST_METHOD is set, because in a CGI program the client controls its value.
    // Registers secrets (base/secret.hh). Throws Error{usage}, without the value, for a malformed one.
    static ProxySettings from_environment(const std::function<const char*(const char*)>& lookup = {});

    // The proxy for a URL; nullptr for a direct connection. This machine (localhost, 127.0.0.0/8, ::1) always
    // has a direct connection.
    const Proxy* find(const Url& url) const;
};

}  // namespace osb::registry

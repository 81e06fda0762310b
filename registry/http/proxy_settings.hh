// Which proxy a server is reached through: $HTTPS_PROXY, $HTTP_PROXY, $ALL_PROXY and $NO_PROXY, as programs
// written in Go (podman, skopeo, docker) read them. libcurl's own reading differs in a dozen places, from
// version to version too; so it is told the result.
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

// One proxy.
struct Proxy {
    ProxyKind kind = ProxyKind::http;
    std::string host;  // lower case; an IPv6 address keeps its brackets
    std::uint16_t port = 0;
    // "" for none; both are decoded. Never printed.
    std::string user;
    std::string password;

    // "http://host:port", for libcurl and for messages: without user and password.
    std::string to_string() const;
    std::string host_port() const;
};

// "[http|https|socks4|socks4a|socks5|socks5h://][USER[:PASSWORD]@]HOST[:PORT][/]"; without a scheme it is
// http. Without a port it is 80, 443 or 1080. Nothing for text that is none.
std::optional<Proxy> parse_proxy(std::string_view text);

// The servers that are reached without a proxy: a list, at commas and white space, of
//   *                          all
//   10.0.0.1, 10.0.0.1:8080    an address, with a port for that one alone; IPv6 in brackets then
//   10.0.0.0/8                 a network
//   example.com                that name and those below it; with ":PORT" for that port alone
//   .example.com, *.example.com  the names below it alone
// An entry that is none of these is passed over.
class NoProxyList {
  public:
    NoProxyList() = default;
    explicit NoProxyList(std::string_view text);

    bool holds(const Url& url) const;

  private:
    struct Network {
        std::vector<std::uint8_t> address;  // 4 or 16 bytes
        unsigned bits = 0;
        std::uint16_t port = 0;  // 0: any
    };
    struct Domain {
        std::string suffix;  // begins with '.'
        bool itself = false;
        std::uint16_t port = 0;
    };
    void add(std::string_view entry);

    bool all_ = false;
    std::vector<Network> networks_;
    std::vector<Domain> domains_;
};

struct ProxySettings {
    std::optional<Proxy> for_http;
    std::optional<Proxy> for_https;
    NoProxyList none;
    // What to trust of a proxy that is spoken to in TLS, by its host[:port]; may be empty: the system's
    // certificates. Its `verify` is not asked: nothing that the user says of a registry concerns the proxy.
    std::function<std::shared_ptr<const TlsOptions>(const std::string& host)> tls;

    // From the environment; `lookup` stands in for getenv(). Capitals are read first. $HTTP_PROXY is passed
    // over where $REQUEST_METHOD is set: in a CGI program the client chooses its value. Secrets in it are
    // kept (base/secret.hh). Throws Error{usage}, without repeating the value, for one that is no proxy.
    static ProxySettings from_environment(const std::function<const char*(const char*)>& lookup = {});

    // Null for a direct connection; so it is for this machine (localhost, 127.0.0.0/8, ::1) whatever the
    // settings say.
    const Proxy* find(const Url& url) const;
};

}  // namespace osb::registry

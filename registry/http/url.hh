// The URLs that a registry client meets: http and https only, strict, so that no two readers of one disagree.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace osb::registry {

// An absolute URL, as libcurl, which is to request it, reads it; less what registries do not need: no user
// information, no fragment, no percent signs in the host, nothing but printable ASCII.
struct Url {
    std::string scheme;  // "http" or "https"
    std::string host;    // lower case; an address in its usual form, an IPv6 one in brackets
    std::uint16_t port = 0;
    std::string target;  // path and query; begins with '/', without "." and ".."

    // The longest URL that is taken, in bytes.
    static constexpr std::size_t kMaxLength = 16384;

    // Nothing for text that is no such URL.
    static std::optional<Url> parse(std::string_view text);
    // What `location` (absolute, "//host/...", "/path", "path" or "?query") means on this page; nothing when
    // it is empty or malformed.
    std::optional<Url> resolve(std::string_view location) const;

    std::string to_string() const;
    // host, with ":port" unless it is the scheme's own.
    std::string host_port() const;
    // Without the query, which may hold a signature or a token: for messages.
    std::string redacted() const;
    bool same_origin(const Url& other) const noexcept {
        return scheme == other.scheme && host == other.host && port == other.port;
    }

    // Adds key=value to the query; both are percent-encoded, what is there is kept.
    void add_query(std::string_view key, std::string_view value);
};

// All but RFC 3986's unreserved characters as %XX.
std::string percent_encode(std::string_view text);

// Whether a host as in Url::host is an address that only means something nearby: a private, loopback or
// link-local IP literal in any spelling (a decimal or hexadecimal number too), or "localhost". What no public
// server can be, a public one must not make a client call.
bool is_private_host(std::string_view host);

// Whether a host as in Url::host is this machine: "localhost", 127.0.0.0/8 or ::1. What is sent there nobody
// else sees.
bool is_loopback_host(std::string_view host);

}  // namespace osb::registry

// Strict parsing of http and https URLs, so that all readers of a URL agree on its meaning.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace osb::registry {

// An absolute URL, as libcurl interprets it. It is limited to what registries need: no user information, no
// fragment, no percent signs in the host, only printable ASCII.
struct Url {
    std::string scheme;  // "http" or "https"
    std::string host;    // lower case; an address in its usual form, IPv6 in brackets
    std::uint16_t port = 0;
    std::string target;  // path and query; starts with '/', without "." and ".."

    // The maximum length of a URL in bytes.
    static constexpr std::size_t kMaxLength = 16384;

    // Returns nullopt for a malformed or unsupported URL.
    static std::optional<Url> parse(std::string_view text);
    // Resolves `location` (absolute, "//host/...", "/path", "path" or "?query") relative to this URL. Returns
    // nullopt if it is empty or malformed.
    std::optional<Url> resolve(std::string_view location) const;

    std::string to_string() const;
    // The host, with ":port" unless it is the default port of the scheme.
    std::string host_port() const;
    // The URL without the query, which may have a signature or a token. For messages.
    std::string redacted() const;
    bool same_origin(const Url& other) const noexcept {
        return scheme == other.scheme && host == other.host && port == other.port;
    }

    // Adds key=value to the query, percent-encoded. Keeps the existing query.
    void add_query(std::string_view key, std::string_view value);
};

// Encodes all characters as %XX except the unreserved ones of RFC 3986.
std::string percent_encode(std::string_view text);

// True if a host as in Url::host is an address with only local meaning: a private, loopback or link-local IP
// literal in any spelling (also a decimal or hexadecimal number), or "localhost". No public server has such
// an address, and none may make a client connect to one.
bool is_private_host(std::string_view host);

// True if a host as in Url::host is this machine: "localhost", 127.0.0.0/8 or ::1. Data that is sent to it
// does not leave the machine.
bool is_loopback_host(std::string_view host);

}  // namespace osb::registry

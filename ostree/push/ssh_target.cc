#include "ostree/push/ssh_target.hh"

#include <algorithm>
#include <charconv>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::ostree {
namespace {

constexpr std::string_view kScheme = "ssh://";
constexpr std::string_view kAlphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";
constexpr std::size_t kMaxName = 255;         // of a user or host, in bytes
constexpr std::size_t kMaxRemotePath = 4095;  // PATH_MAX without its NUL

[[noreturn]] void refuse(std::string_view url, std::string_view why) {
    throw Error(ErrorKind::usage, concat("cannot push to ", quoted(url), ": ", why))
        .hint("write ssh://USER@HOST[:PORT]/PATH");
}

// Allows letters, digits and `others`. A leading '-' would make it an option (CVE-2017-1000117). Other
// characters could become part of a command in the user's ssh configuration (CVE-2023-51385).
bool is_name(std::string_view text, std::string_view others) {
    return !text.empty() && text.size() <= kMaxName && text.front() != '-' &&
           std::all_of(text.begin(), text.end(), [&](char c) {
               return kAlphanumeric.find(c) != std::string_view::npos ||
                      others.find(c) != std::string_view::npos;
           });
}

bool is_port(std::string_view text, std::uint16_t& port) {
    const char* const end = text.data() + text.size();
    const auto [stop, error] = std::from_chars(text.data(), end, port);
    return !text.empty() && error == std::errc{} && stop == end && port != 0;
}

// Splits HOST, HOST:PORT, [ADDRESS] or [ADDRESS]:PORT.
void parse_host(std::string_view text, std::string_view url, SshTarget& target) {
    std::string_view rest;
    if (text.starts_with('[')) {
        const std::size_t end = text.find(']');
        if (end == std::string_view::npos) refuse(url, "the address has no closing bracket");
        target.host = text.substr(1, end - 1);
        rest = text.substr(end + 1);
        // It must be an address, optionally with a zone (fe80::1%eth0).
        if (target.host.find(':') == std::string::npos || !is_name(target.host, ":.%_-"))
            refuse(url, "not an IPv6 address in brackets");
    } else {
        target.host = text.substr(0, text.find(':'));
        rest = text.substr(target.host.size());
        if (!is_name(target.host, "._-")) refuse(url, "not a name or an address of a host");
    }
    if (rest.empty()) return;
    if (rest.front() != ':' || !is_port(rest.substr(1), target.port))
        refuse(url, "the port is not a number from 1 to 65535");
}

bool is_control(char c) {
    return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

}  // namespace

SshTarget SshTarget::parse(std::string_view url) {
    if (!url.starts_with(kScheme)) refuse(url, "not a URL of the scheme ssh");
    const std::string_view rest = url.substr(kScheme.size());
    const std::size_t slash = rest.find('/');
    if (slash == std::string_view::npos || slash + 1 == rest.size())
        refuse(url, "it does not name a path on the server");
    SshTarget target;
    target.path = rest.substr(slash);
    if (target.path.size() > kMaxRemotePath ||
        std::any_of(target.path.begin(), target.path.end(), is_control))
        refuse(url, "the path is too long, or has control characters");
    std::string_view authority = rest.substr(0, slash);
    // Split at the last '@', because the name of a domain user may contain one.
    if (const std::size_t at = authority.rfind('@'); at != std::string_view::npos) {
        target.user = authority.substr(0, at);
        if (target.user.find(':') != std::string::npos)
            refuse("ssh://...", "passwords in URLs are not supported");
        if (!is_name(target.user, "._+@-")) refuse(url, "not a name of a user");
        authority.remove_prefix(at + 1);
    }
    parse_host(authority, url, target);
    return target;
}

std::string SshTarget::to_string() const {
    std::string out(kScheme);
    if (!user.empty()) out += user + '@';
    out += host.find(':') == std::string::npos ? host : concat('[', host, ']');
    if (port != 0) out += concat(':', port);
    return out + path;
}

}  // namespace osb::ostree

// The destination of a push over SSH.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace osb::ostree {

// The parts of ssh://[USER@]HOST[:PORT]/PATH. Their syntax is restricted, so that neither ssh nor a shell
// interprets them differently.
struct SshTarget {
    std::string user;        // "": ssh decides
    std::string host;        // a name, an alias of the user's ssh configuration, or an IP address
    std::uint16_t port = 0;  // 0: ssh decides
    std::string path;        // absolute, on the server

    // Throws Error{usage} for any other form.
    static SshTarget parse(std::string_view url);
    // The URL, for messages.
    std::string to_string() const;
};

}  // namespace osb::ostree

// Where a push over SSH goes to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace osb::ostree {

// The parts of ssh://[USER@]HOST[:PORT]/PATH, each of a form that neither ssh nor a shell takes for something
// else.
struct SshTarget {
    std::string user;        // "": ssh decides
    std::string host;        // a name, also an alias of the user's ssh configuration, or an IP address
    std::uint16_t port = 0;  // 0: ssh decides
    std::string path;        // absolute, on the server

    // Throws Error{usage} for anything that is not of this form.
    static SshTarget parse(std::string_view url);
    // The URL again; for messages.
    std::string to_string() const;
};

// `text` as one word of a POSIX shell's command line.
std::string shell_quoted(std::string_view text);

}  // namespace osb::ostree

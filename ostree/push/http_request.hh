// The head of an HTTP/1.1 request, as far as a server of files needs it.
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>

namespace osb::ostree {

struct HttpRequest {
    std::string method;
    std::string target;      // of the request line; not decoded
    bool keep_alive = true;  // the connection may serve another one
    bool has_body = false;   // which nobody here reads
};

// The longest head that is read, in bytes.
inline constexpr std::size_t kMaxRequestHead = 16384;

// The request whose head, up to and with the empty line, is `head`. Nothing when it is malformed, or not of
// HTTP/1.1 or 1.0. Strict: no folded or nameless header fields, no control characters, line ends as CR LF.
std::optional<HttpRequest> parse_request(std::string_view head);

}  // namespace osb::ostree

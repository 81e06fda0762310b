// Which bytes a message is about.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace osb::registry {

// "bytes FIRST-LAST/TOTAL", the header Content-Range of a response: RFC 9110, 14.4.
struct ContentRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;              // not below first
    std::optional<std::uint64_t> total;  // nothing for "*": the server does not know
};

// Nothing for text that is no such range.
std::optional<ContentRange> parse_content_range(std::string_view text);

// "0-LAST" or "bytes=0-LAST", the header Range of a registry's answer to an upload: how many bytes it has.
// Nothing for text that is no such range.
std::optional<std::uint64_t> parse_upload_range(std::string_view text);

}  // namespace osb::registry

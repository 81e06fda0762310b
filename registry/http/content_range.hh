// Byte ranges in HTTP headers.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace osb::registry {

// The header Content-Range of a response (RFC 9110, 14.4): "bytes FIRST-LAST/TOTAL".
struct ContentRange {
    std::uint64_t first = 0;
    std::uint64_t last = 0;              // inclusive; not less than first
    std::optional<std::uint64_t> total;  // nullopt for "*" (unknown)
};

// Returns nullopt for malformed text.
std::optional<ContentRange> parse_content_range(std::string_view text);

// Parses the header Range in a registry's response to an upload, "0-LAST" or "bytes=0-LAST", and returns the
// number of bytes that the registry has. Returns nullopt for malformed text.
std::optional<std::uint64_t> parse_upload_range(std::string_view text);

}  // namespace osb::registry

// Numbers, times and foreign text, as people read them.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace osb::cli {

// "0 B", "1023 B", "1.5 KiB", "12.3 GiB".
std::string format_bytes(std::uint64_t bytes);

// "1 layer", "2 layers".
std::string format_count(std::uint64_t count, std::string_view noun);

// Seconds as "0:05", "12:34", "1:02:03"; "--:--" for more than 99 hours.
std::string format_duration(std::uint64_t seconds);

// "2026-11-21 09:24:08 UTC" of seconds since 1970.
std::string format_time(std::int64_t seconds);
// "2026-11-21T09:24:08Z": RFC 3339.
std::string format_rfc3339(std::int64_t seconds);

// The last guard before a terminal: control bytes and what is not UTF-8 as \xNN, but what was escaped before
// stays as it is. Long text is kept whole.
std::string printable(std::string_view text);
// The same for a text of several lines: line feeds and tabs stay.
std::string printable_lines(std::string_view text);

}  // namespace osb::cli

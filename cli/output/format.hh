// Formatting of numbers, times and external text for people.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace osb::cli {

// "0 B", "1023 B", "1.5 KiB", "12.3 GiB".
std::string format_bytes(std::uint64_t bytes);

// Formats seconds as "0:05", "12:34", "1:02:03"; "--:--" for more than 99 hours.
std::string format_duration(std::uint64_t seconds);

// Formats seconds since 1970 as "2026-11-21 09:24:08 UTC".
std::string format_time(std::int64_t seconds);
// Formats seconds since 1970 as RFC 3339: "2026-11-21T09:24:08Z".
std::string format_rfc3339(std::int64_t seconds);

// The final escaping before a terminal: control bytes and invalid UTF-8 become \xNN. Text that was escaped
// before does not change. Does not shorten text.
std::string printable(std::string_view text);
// The same for text with several lines: keeps line feeds and tabs.
std::string printable_lines(std::string_view text);

}  // namespace osb::cli

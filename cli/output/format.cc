#include "cli/output/format.hh"

#include <algorithm>
#include <array>
#include <cstdio>
#include <ctime>
#include <limits>

#include "base/bytes.hh"
#include "base/escape.hh"

namespace osb::cli {
namespace {

std::string strftime_utc(std::int64_t seconds, const char* format) {
    const auto time = static_cast<time_t>(seconds);
    struct tm parts {};
    std::array<char, 64> text{};
    if (::gmtime_r(&time, &parts) == nullptr) return concat(seconds, " s since 1970");
    const std::size_t length = std::strftime(text.data(), text.size(), format, &parts);
    return {text.data(), length};
}

// escape(), except for the characters in `kept`.
std::string escape_except(std::string_view text, std::string_view kept) {
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find_first_of(kept), text.size());
        out += escape(text.substr(0, end), std::numeric_limits<std::size_t>::max());
        if (end < text.size()) out += text[end];
        text.remove_prefix(std::min(end + 1, text.size()));
    }
    return out;
}

std::string two_digits(std::uint64_t number) {
    return concat(number < 10 ? "0" : "", number);
}

}  // namespace

std::string format_bytes(std::uint64_t bytes) {
    constexpr std::array<const char*, 7> kUnits{"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    if (bytes < 1024) return concat(bytes, " B");
    auto value = static_cast<double>(bytes);
    std::size_t unit = 0;
    // Values from 1023.95 on would be printed as 1024.0.
    while (value >= 1023.95 && unit + 1 < kUnits.size()) {
        value /= 1024;
        ++unit;
    }
    std::array<char, 32> text{};
    const int length = std::snprintf(text.data(), text.size(), "%.1f %s", value, kUnits.at(unit));
    return {text.data(), static_cast<std::size_t>(length)};
}

std::string format_duration(std::uint64_t seconds) {
    const std::uint64_t hours = seconds / 3600;
    const std::uint64_t minutes = seconds / 60 % 60;
    if (hours > 99) return "--:--";
    if (hours > 0) return concat(hours, ':', two_digits(minutes), ':', two_digits(seconds % 60));
    return concat(minutes, ':', two_digits(seconds % 60));
}

std::string format_time(std::int64_t seconds) {
    return strftime_utc(seconds, "%Y-%m-%d %H:%M:%S UTC");
}

std::string format_rfc3339(std::int64_t seconds) {
    return strftime_utc(seconds, "%Y-%m-%dT%H:%M:%SZ");
}

std::string printable(std::string_view text) {
    return escape_except(text, "\\");
}

std::string printable_lines(std::string_view text) {
    return escape_except(text, "\\\n\t");
}

}  // namespace osb::cli

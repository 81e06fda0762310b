// The time window of unattended upgrades, in local time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace osb::system {

inline constexpr unsigned kMinutesOfDay = 24 * 60;

// The days and times of the windows.
struct UpgradeSchedule {
    unsigned begin = 0;  // minutes after midnight, below kMinutesOfDay
    // At most kMinutesOfDay. An end that is not after `begin` is on the next day.
    unsigned end = kMinutesOfDay;
    // The days on which the window begins, Monday first.
    std::array<bool, 7> days{true, true, true, true, true, true, true};
};

// One window, in seconds since 1970, without `end`. The date on which it begins identifies it, so that a
// change of summer time neither skips nor repeats it.
struct UpgradeWindow {
    std::string date;  // "2026-11-16"
    std::int64_t begin = 0;
    std::int64_t end = 0;
};

// Parse "HH:MM-HH:MM", and numbers from 1 (Monday) to 7 separated by blanks. Throw Error{invalid}.
void parse_window(UpgradeSchedule& schedule, std::string_view text);
void parse_days(UpgradeSchedule& schedule, std::string_view text);

// The functions below use the time zone of the process ($TZ, or else /etc/localtime) and are pure otherwise.
// If summer time skips a time, the time that the clock shows instead applies. If a time occurs twice, the
// first one applies.

// Returns the window that contains `now`.
std::optional<UpgradeWindow> window_at(const UpgradeSchedule& schedule, std::int64_t now);
// Returns the next window if it begins less than `period` seconds after `now` and is shorter than `period`. A
// program that checks once per period may miss such a window.
std::optional<UpgradeWindow> short_window_after(const UpgradeSchedule& schedule, std::int64_t now,
                                                std::int64_t period);

}  // namespace osb::system

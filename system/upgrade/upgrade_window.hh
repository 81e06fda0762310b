// When unattended upgrades may happen, in local time.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace osb::system {

inline constexpr unsigned kMinutesOfDay = 24 * 60;

struct UpgradeSchedule {
    unsigned begin = 0;            // minutes after midnight, below kMinutesOfDay
    unsigned end = kMinutesOfDay;  // at most kMinutesOfDay; one that is not after `begin` is on the next day
    std::array<bool, 7> days{true, true, true, true, true, true, true};  // on which it begins; Monday first
};

// One window, in seconds since 1970, `end` excluded. The date on which it begins identifies it, so that a
// change of summer time neither skips nor doubles it.
struct UpgradeWindow {
    std::string date;  // "2026-11-16"
    std::int64_t begin = 0;
    std::int64_t end = 0;
};

// "HH:MM-HH:MM", and numbers from 1 (Monday) to 7 between blanks. Throws Error{invalid}.
void parse_window(UpgradeSchedule& schedule, std::string_view text);
void parse_days(UpgradeSchedule& schedule, std::string_view text);

// Both go by the time zone of the process ($TZ, else /etc/localtime) and are pure otherwise. Of a time that
// summer time leaves out, the time counts that the clock shows in its place; of one that comes twice, the
// first.

// The window that holds `now`.
std::optional<UpgradeWindow> window_at(const UpgradeSchedule& schedule, std::int64_t now);
// The next window where it begins less than `period` seconds after `now` and is shorter than that: whoever
// looks once in a period may miss it.
std::optional<UpgradeWindow> short_window_after(const UpgradeSchedule& schedule, std::int64_t now,
                                                std::int64_t period);

}  // namespace osb::system

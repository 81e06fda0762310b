#include "system/upgrade/upgrade_window.hh"

#include <algorithm>
#include <charconv>
#include <chrono>
#include <ctime>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"

namespace osb::system {
namespace {

using Date = std::chrono::sys_days;  // a day of the local calendar
using std::chrono::days;

constexpr std::int64_t kMinute = 60;

unsigned parse_time(std::string_view text, std::string_view whole) {
    const auto fail = [&]() -> unsigned {
        throw Error(ErrorKind::invalid, concat(quoted(whole), " is not HH:MM-HH:MM"));
    };
    constexpr std::size_t kLength = 5;
    if (text.size() != kLength || text[2] != ':') return fail();
    const auto number = [&](std::string_view digits) {
        unsigned value = 0;
        const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
        return error == std::errc() && end == digits.data() + digits.size() ? value : fail();
    };
    const unsigned hours = number(text.substr(0, 2));
    const unsigned minutes = number(text.substr(3));
    if (minutes >= 60 || hours * 60 + minutes > kMinutesOfDay) return fail();
    return hours * 60 + minutes;
}

std::tm calendar(Date date, unsigned minutes, int is_summer) {
    const std::chrono::year_month_day day(date);
    std::tm out{};
    out.tm_year = static_cast<int>(day.year()) - 1900;
    out.tm_mon = static_cast<int>(static_cast<unsigned>(day.month())) - 1;
    out.tm_mday = static_cast<int>(static_cast<unsigned>(day.day()));
    out.tm_hour = static_cast<int>(minutes / 60);
    out.tm_min = static_cast<int>(minutes % 60);
    out.tm_isdst = is_summer;
    return out;
}

// Returns that time on that day. Tries mktime() with winter and summer time, and reads the result back.
std::int64_t at(Date date, unsigned minutes) {
    if (minutes >= kMinutesOfDay) return at(date + days(1), minutes - kMinutesOfDay);
    std::optional<std::int64_t> first;
    std::int64_t in_gap = 0;
    for (const int is_summer : {1, 0, -1}) {
        std::tm wanted = calendar(date, minutes, is_summer);
        const std::time_t time = std::mktime(&wanted);
        std::tm shown{};
        if (::localtime_r(&time, &shown) == nullptr) continue;
        const std::tm asked = calendar(date, minutes, 0);
        const bool exists =
            shown.tm_mday == asked.tm_mday && shown.tm_hour == asked.tm_hour && shown.tm_min == asked.tm_min;
        if (exists) first = std::min<std::int64_t>(first.value_or(time), time);
        in_gap = std::max<std::int64_t>(in_gap, time);
    }
    return first.value_or(in_gap);
}

Date date_at(std::int64_t now) {
    const auto time = static_cast<std::time_t>(now);
    std::tm shown{};
    ::localtime_r(&time, &shown);
    return std::chrono::year(shown.tm_year + 1900) / (shown.tm_mon + 1) / shown.tm_mday;
}

std::string date_text(Date date) {
    const std::chrono::year_month_day day(date);
    const auto two_digits = [](unsigned number) { return concat(number < 10 ? "0" : "", number); };
    return concat(static_cast<int>(day.year()), '-', two_digits(static_cast<unsigned>(day.month())), '-',
                  two_digits(static_cast<unsigned>(day.day())));
}

bool begins_on(const UpgradeSchedule& schedule, Date date) {
    return schedule.days.at(std::chrono::weekday(date).iso_encoding() - 1);
}

UpgradeWindow window_of(const UpgradeSchedule& schedule, Date date) {
    const unsigned end = schedule.end > schedule.begin ? schedule.end : schedule.end + kMinutesOfDay;
    UpgradeWindow out{.date = date_text(date), .begin = at(date, schedule.begin), .end = at(date, end)};
    // If the window lies in the hour that summer time skips, its length gives its end.
    if (out.end <= out.begin) out.end = out.begin + (end - schedule.begin) * kMinute;
    return out;
}

}  // namespace

void parse_window(UpgradeSchedule& schedule, std::string_view text) {
    const std::size_t dash = text.find('-');
    if (dash == std::string_view::npos)
        throw Error(ErrorKind::invalid, concat(quoted(text), " is not HH:MM-HH:MM"));
    schedule.begin = parse_time(text.substr(0, dash), text);
    schedule.end = parse_time(text.substr(dash + 1), text);
    if (schedule.begin == kMinutesOfDay)
        throw Error(ErrorKind::invalid, concat(quoted(text), " begins at 24:00"));
}

void parse_days(UpgradeSchedule& schedule, std::string_view text) {
    schedule.days.fill(false);
    for (const char c : text) {
        if (c == ' ') continue;
        if (c < '1' || c > '7')
            throw Error(ErrorKind::invalid, concat(quoted(text), " is not a list of days from 1 to 7"));
        schedule.days.at(static_cast<std::size_t>(c - '1')) = true;
    }
}

std::optional<UpgradeWindow> window_at(const UpgradeSchedule& schedule, std::int64_t now) {
    const Date today = date_at(now);
    for (const Date date : {today, today - days(1)}) {
        UpgradeWindow window = window_of(schedule, date);
        if (begins_on(schedule, date) && window.begin <= now && now < window.end) return window;
    }
    return std::nullopt;
}

std::optional<UpgradeWindow> short_window_after(const UpgradeSchedule& schedule, std::int64_t now,
                                                std::int64_t period) {
    const Date today = date_at(now);
    for (const Date date : {today, today + days(1)}) {
        UpgradeWindow window = window_of(schedule, date);
        const bool is_near = window.begin > now && window.begin - now < period;
        if (begins_on(schedule, date) && is_near && window.end - window.begin < period) return window;
    }
    return std::nullopt;
}

}  // namespace osb::system

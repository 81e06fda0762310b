// Windows of unattended upgrades, over nights on which summer time begins and ends.
#include "system/upgrade/upgrade_window.hh"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <ctime>
#include <optional>
#include <set>
#include <string>

#include "base/error.hh"

namespace osb::system {
namespace {

constexpr std::int64_t kHour = 3600;
constexpr std::int64_t kMinute = 60;

class UpgradeWindowTest : public ::testing::Test {
  protected:
    void SetUp() override {
        const char* before = ::getenv("TZ");
        if (before != nullptr) before_ = before;
        set_zone("Europe/Berlin");
    }
    void TearDown() override {
        if (before_) {
            set_zone(before_->c_str());
        } else {
            ::unsetenv("TZ");
            ::tzset();
        }
    }
    static void set_zone(const char* zone) {
        ::setenv("TZ", zone, 1);
        ::tzset();
    }
    static UpgradeSchedule schedule(const std::string& window, const std::string& days = "1 2 3 4 5 6 7") {
        UpgradeSchedule out;
        parse_window(out, window);
        parse_days(out, days);
        return out;
    }
    // Of a time in UTC.
    static std::int64_t utc(int year, int month, int day, int hour, int minute = 0) {
        std::tm time{};
        time.tm_year = year - 1900;
        time.tm_mon = month - 1;
        time.tm_mday = day;
        time.tm_hour = hour;
        time.tm_min = minute;
        return ::timegm(&time);
    }
    // Of a time in winter, at UTC+1.
    static std::int64_t winter(int day, int hour, int minute = 0) {
        return utc(2026, 11, day, hour, minute) - kHour;
    }
    static std::string date_at(const UpgradeSchedule& schedule, std::int64_t now) {
        const auto window = window_at(schedule, now);
        return window ? window->date : "";
    }
    // The windows that looks every quarter of an hour find in two days from `begin`, and how often they look.
    static std::multiset<std::string> looks(const UpgradeSchedule& schedule, std::int64_t begin) {
        std::multiset<std::string> out;
        for (std::int64_t now = begin; now < begin + 48 * kHour; now += 15 * kMinute) {
            if (const auto window = window_at(schedule, now)) out.insert(window->date);
        }
        return out;
    }

  private:
    std::optional<std::string> before_;
};

TEST_F(UpgradeWindowTest, AnOrdinaryNight) {
    const UpgradeSchedule night = schedule("02:00-05:00");
    EXPECT_EQ(date_at(night, winter(16, 2)), "2026-11-16");
    EXPECT_EQ(date_at(night, winter(16, 5) - 1), "2026-11-16");
    EXPECT_EQ(date_at(night, winter(16, 2) - 1), "");
    EXPECT_EQ(date_at(night, winter(16, 5)), "");
    EXPECT_EQ(window_at(night, winter(16, 3))->begin, winter(16, 2));
    EXPECT_EQ(window_at(night, winter(16, 3))->end, winter(16, 5));
}

TEST_F(UpgradeWindowTest, OverMidnight) {
    const UpgradeSchedule mondays = schedule("22:30-01:00", "1");
    EXPECT_EQ(date_at(mondays, winter(16, 22, 30)), "2026-11-16");
    EXPECT_EQ(date_at(mondays, winter(17, 0, 59)), "2026-11-16");
    EXPECT_EQ(date_at(mondays, winter(17, 1)), "");
    EXPECT_EQ(date_at(mondays, winter(17, 22, 30)), "");
    EXPECT_EQ(date_at(mondays, winter(16, 0, 30)), "");  // Sunday's
}

TEST_F(UpgradeWindowTest, AllDay) {
    const UpgradeSchedule always = schedule("00:00-24:00");
    EXPECT_EQ(date_at(always, winter(16, 0)), "2026-11-16");
    EXPECT_EQ(date_at(always, winter(17, 0) - 1), "2026-11-16");
    EXPECT_EQ(date_at(always, winter(17, 0)), "2026-11-17");
    const UpgradeSchedule evening = schedule("18:00-18:00");
    EXPECT_EQ(date_at(evening, winter(17, 17, 59)), "2026-11-16");
    EXPECT_EQ(date_at(evening, winter(17, 18)), "2026-11-17");
}

TEST_F(UpgradeWindowTest, DaysAreThoseOnWhichAWindowBegins) {
    const UpgradeSchedule some = schedule("08:09-08:10", "1 3");
    EXPECT_EQ(date_at(some, winter(16, 8, 9)), "2026-11-16");
    EXPECT_EQ(date_at(some, winter(17, 8, 9)), "");
    EXPECT_EQ(date_at(some, winter(18, 8, 9)), "2026-11-18");
    EXPECT_EQ(date_at(schedule("00:00-24:00", ""), winter(16, 8)), "");
}

// On 2026-03-29 at 02:00 the clock is put to 03:00.
TEST_F(UpgradeWindowTest, WhenSummerTimeBegins) {
    const std::int64_t change = utc(2026, 3, 29, 1);
    const UpgradeSchedule night = schedule("02:00-05:00");
    EXPECT_EQ(date_at(night, change - 1), "");
    EXPECT_EQ(date_at(night, change), "2026-03-29");
    EXPECT_EQ(window_at(night, change)->end, utc(2026, 3, 29, 3));
    const std::int64_t before = utc(2026, 3, 28, 12);
    for (const char* window : {"02:00-03:00", "02:15-02:45", "02:30-03:10", "01:30-02:30", "01:00-03:00"}) {
        const std::multiset<std::string> found = looks(schedule(window), before);
        EXPECT_GT(found.count("2026-03-29"), 0U) << window;
        EXPECT_GT(found.count("2026-03-30"), 0U) << window;
        EXPECT_EQ(found.size(), found.count("2026-03-29") + found.count("2026-03-30")) << window;
    }
}

// On 2026-10-25 at 03:00 the clock is put to 02:00.
TEST_F(UpgradeWindowTest, WhenSummerTimeEnds) {
    const UpgradeSchedule hour = schedule("02:00-03:00");
    EXPECT_EQ(window_at(hour, utc(2026, 10, 25, 0))->begin, utc(2026, 10, 25, 0));
    EXPECT_EQ(date_at(hour, utc(2026, 10, 25, 0)), date_at(hour, utc(2026, 10, 25, 1)));  // one window
    EXPECT_EQ(date_at(hour, utc(2026, 10, 25, 2)), "");
    const UpgradeSchedule half = schedule("02:15-02:45");
    EXPECT_EQ(date_at(half, utc(2026, 10, 25, 0, 15)), "2026-10-25");
    EXPECT_EQ(date_at(half, utc(2026, 10, 25, 1, 15)), "");  // not twice
    EXPECT_EQ(looks(half, utc(2026, 10, 24, 12)).count("2026-10-25"), 2U);
}

TEST_F(UpgradeWindowTest, WithoutSummerTime) {
    set_zone("UTC");
    EXPECT_EQ(date_at(schedule("02:00-05:00"), utc(2026, 3, 29, 2)), "2026-03-29");
    EXPECT_EQ(window_at(schedule("02:00-05:00"), utc(2026, 3, 29, 2))->begin, utc(2026, 3, 29, 2));
}

TEST_F(UpgradeWindowTest, AWindowBetweenTwoLooks) {
    const std::int64_t period = 15 * kMinute;
    const auto wait = [&](const std::string& window, std::int64_t now) -> std::int64_t {
        const auto found = short_window_after(schedule(window, "1"), now, period);
        return found ? found->begin - now : 0;
    };
    EXPECT_EQ(wait("03:16-03:25", winter(16, 3, 15) + 20), 40);
    EXPECT_EQ(wait("03:16-03:17", winter(16, 3, 2)), 840);
    EXPECT_EQ(wait("03:16-03:25", winter(16, 3)), 0);  // the next look is soon enough
    EXPECT_EQ(wait("03:16-03:25", winter(16, 3, 30)), 0);
    EXPECT_EQ(wait("03:16-03:45", winter(16, 3, 15)), 0);  // a look falls into it
    EXPECT_EQ(wait("00:05-00:10", winter(15, 23, 55)), 600);
    EXPECT_EQ(wait("23:58-00:03", winter(16, 23, 45) + 30), 750);
    EXPECT_EQ(wait("03:10-03:20", winter(17, 3, 5)), 0);  // not on Tuesday
}

TEST_F(UpgradeWindowTest, OnlyTheseForms) {
    for (const char* text : {"2-5", "02:00", "02:00-", "2:00-05:00", "02:60-05:00", "24:01-25:00",
                             "24:00-01:00", "02:00-05:00 ", "-1:00-05:00", ""}) {
        EXPECT_THROW(schedule(text), Error) << text;
    }
    for (const char* text : {"0", "8", "Mon", "1,2"})
        EXPECT_THROW(schedule("02:00-05:00", text), Error) << text;
}

}  // namespace
}  // namespace osb::system

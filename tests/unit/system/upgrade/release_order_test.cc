#include "system/upgrade/release_order.hh"

#include <gtest/gtest.h>

#include <utility>
#include <vector>

namespace osb::system {
namespace {

TEST(CompareVersions, Order) {
    // Each is lower than the next.
    const std::vector<const char*> order{"",          "0",          "1",      "1.0",      "1.2_alpha1",
                                         "1.2-beta2", "1.2~rc1",    "1.2rc2", "1.2",      "1.2-r0",
                                         "1.2.3",     "1.9",        "1.10",   "1.10.1",   "2",
                                         "3.19.4",    "3.20.0_pre", "3.20.3", "20240102", "20240102.1"};
    for (std::size_t i = 0; i < order.size(); ++i) {
        for (std::size_t j = 0; j < order.size(); ++j) {
            const int expected = i < j ? -1 : i > j ? 1 : 0;
            EXPECT_EQ(compare_versions(order[i], order[j]), expected) << order[i] << " and " << order[j];
        }
    }
}

TEST(CompareVersions, Equal) {
    for (const auto& [a, b] : std::vector<std::pair<const char*, const char*>>{
             {"1.02", "1.2"}, {"v1.2", "v1.2"}, {"1.2", "1-2"}, {"1.2 ", "1.2"}, {"00", "0"}}) {
        EXPECT_EQ(compare_versions(a, b), 0) << a << " and " << b;
        EXPECT_EQ(compare_versions(b, a), 0) << a << " and " << b;
    }
}

TEST(CompareVersions, NumbersOfAnySize) {
    EXPECT_LT(compare_versions("99999999999999999999998", "99999999999999999999999"), 0);
    EXPECT_GT(compare_versions("100000000000000000000000", "99999999999999999999999"), 0);
}

TEST(IsOlder, TheVersionDecides) {
    EXPECT_TRUE(is_older({"1.9", 200}, {"1.10", 100}));
    EXPECT_FALSE(is_older({"2", 100}, {"1", 200}));
    EXPECT_TRUE(is_older({"v1.9", 0}, {"1.10", 100}));
    EXPECT_TRUE(is_older({"stable-3", 200}, {"stable-4", 100}));
}

// A date of the year 2099 must not end all upgrades.
TEST(IsOlder, ATimeInTheFutureDoesNotOutweighTheVersion) {
    EXPECT_FALSE(is_older({"1.1", 1'750'000'000}, {"1.0", 4'070'908'800}));
}

TEST(IsOlder, TheTimeDecidesWhereTheVersionDoesNot) {
    EXPECT_TRUE(is_older({"1", 100}, {"1", 200}));
    EXPECT_FALSE(is_older({"1.02", 200}, {"1.2", 200}));
    EXPECT_TRUE(is_older({"", 100}, {"1", 200}));
    EXPECT_TRUE(is_older({"testing", 100}, {"v1", 200}));
    EXPECT_FALSE(is_older({"no-kernel", 200}, {"v1", 100}));
    EXPECT_FALSE(is_older({"alpha-3", 200}, {"beta-2", 100}));
}

TEST(IsOlder, HashesHaveNoOrder) {
    EXPECT_FALSE(is_older({"1b2c3d4", 200}, {"9e8f7a6", 100}));
    EXPECT_TRUE(is_older({"9e8f7a6", 100}, {"1b2c3d4", 200}));
    EXPECT_TRUE(is_older({"20240101", 200}, {"20240102", 100}));  // a date
}

TEST(IsOlder, NotKnownIsNotOlder) {
    EXPECT_FALSE(is_older({}, {"1", 0}));
    EXPECT_FALSE(is_older({"1", 0}, {"", 100}));
    EXPECT_FALSE(is_older({"1", 0}, {"x", 100}));
}

TEST(WithoutImpossibleTimes, ADayAfterTheClock) {
    constexpr std::uint64_t kNow = 1'750'000'000;
    constexpr std::uint64_t kDay = 86400;
    const auto times = [](std::uint64_t candidate, std::uint64_t present, std::uint64_t now) {
        const ReleasePair out = without_impossible_times({{"", candidate}, {"", present}}, now);
        return std::pair(out.candidate.time, out.present.time);
    };
    using Times = std::pair<std::uint64_t, std::uint64_t>;
    EXPECT_EQ(times(kNow + kDay, kNow - 1, kNow), Times(kNow + kDay, kNow - 1));
    EXPECT_EQ(times(kNow + kDay + 1, kNow - 1, kNow), Times(0, kNow - 1));
    EXPECT_EQ(times(kNow - 1, kNow + kDay + 1, kNow), Times(kNow - 1, 0));
    // A clock that is before both was not set.
    EXPECT_EQ(times(kNow, kNow - 1, 100), Times(kNow, kNow - 1));
    EXPECT_EQ(times(kNow + kDay + 1, 0, kNow), Times(kNow + kDay + 1, 0));
}

}  // namespace
}  // namespace osb::system

#include "system/upgrade/release_order.hh"

#include <gtest/gtest.h>

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

TEST(IsOlder, TimeDecides) {
    EXPECT_TRUE(is_older({"2", 100}, {"1", 200}));
    EXPECT_FALSE(is_older({"1", 200}, {"2", 100}));
}

TEST(IsOlder, TheVersionDecidesWhereTheTimeDoesNot) {
    EXPECT_TRUE(is_older({"1.9", 100}, {"1.10", 100}));
    EXPECT_TRUE(is_older({"1.9", 0}, {"1.10", 100}));
    EXPECT_FALSE(is_older({"1.10", 100}, {"1.9", 0}));
    EXPECT_FALSE(is_older({"1.9", 100}, {"1.9", 100}));
}

TEST(IsOlder, NotKnownIsNotOlder) {
    EXPECT_FALSE(is_older({}, {"1", 0}));
    EXPECT_FALSE(is_older({"1", 0}, {"", 100}));
}

}  // namespace
}  // namespace osb::system

#include "base/spelling.hh"

#include <gtest/gtest.h>

namespace osb {
namespace {

using Names = std::vector<std::string>;

TEST(EditDistance, CountsEdits) {
    EXPECT_EQ(edit_distance("", ""), 0U);
    EXPECT_EQ(edit_distance("", "abc"), 3U);
    EXPECT_EQ(edit_distance("abc", ""), 3U);
    EXPECT_EQ(edit_distance("upgrade", "upgrade"), 0U);
    EXPECT_EQ(edit_distance("upgrad", "upgrade"), 1U);
    EXPECT_EQ(edit_distance("uppgrade", "upgrade"), 1U);
    EXPECT_EQ(edit_distance("upgrate", "upgrade"), 1U);
    EXPECT_EQ(edit_distance("kitten", "sitting"), 3U);
}

TEST(EditDistance, SwappedNeighboursAreOneEdit) {
    EXPECT_EQ(edit_distance("ipn", "pin"), 1U);
    EXPECT_EQ(edit_distance("os/mian", "os/main"), 1U);
    // Not of a pair that was edited in between.
    EXPECT_EQ(edit_distance("ca", "abc"), 3U);
}

TEST(NearestName, IsTheNearestAndTheFirstOfEquals) {
    const Names verbs{"import", "export", "pin", "unpin", "upgrade"};
    EXPECT_EQ(nearest_name("imprt", verbs), "import");
    EXPECT_EQ(nearest_name("upgrad", verbs), "upgrade");
    EXPECT_EQ(nearest_name("ipn", verbs), "pin");
    EXPECT_EQ(nearest_name("v3", Names{"v1", "v2"}), "v1");
}

TEST(NearestName, IsNothingWhereNothingIsNear) {
    const Names verbs{"import", "export", "pin"};
    EXPECT_EQ(nearest_name("frobnicate", verbs), std::nullopt);
    EXPECT_EQ(nearest_name("", Names{"a"}), std::nullopt);
    EXPECT_EQ(nearest_name("x", Names{"y"}), std::nullopt);
    EXPECT_EQ(nearest_name("abc", Names{}), std::nullopt);
    EXPECT_EQ(nearest_name("v9x", Names{"b12"}), std::nullopt);
}

TEST(NearestName, LongNamesMayDifferInAThird) {
    EXPECT_EQ(nearest_name("os/x86_64/alpine", Names{"os/x86_64/kitchen-radio", "os/x86_64/alpine-edge"}),
              "os/x86_64/alpine-edge");
    EXPECT_EQ(nearest_name("os/x86_64/alpine", Names{"os/x86_64/kitchen-radio"}), std::nullopt);
    EXPECT_EQ(nearest_name(std::string(300, 'a'), Names{std::string(300, 'a')}), std::nullopt);
}

}  // namespace
}  // namespace osb

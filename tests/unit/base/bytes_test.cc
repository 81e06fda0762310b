#include "base/bytes.hh"

#include <gtest/gtest.h>

#include <limits>

namespace osb {
namespace {

TEST(Concat, GluesTextAndNumbers) {
    const std::string name = "x";
    EXPECT_EQ(concat("got ", 3, " of ", name, '!', std::string_view("y"), -7), "got 3 of x!y-7");
    EXPECT_EQ(concat(std::numeric_limits<std::uint64_t>::max()), "18446744073709551615");
    EXPECT_EQ(concat(std::numeric_limits<std::int64_t>::min()), "-9223372036854775808");
    EXPECT_EQ(concat(std::uint8_t{65}), "65");
}

TEST(Views, SeeTheSameBytes) {
    const std::string text("a\0\xff", 3);
    EXPECT_EQ(as_bytes(text).size(), 3U);
    EXPECT_EQ(as_bytes(text)[2], 0xFF);
    EXPECT_EQ(as_text(as_bytes(text)), text);
}

}  // namespace
}  // namespace osb

#include "base/numbers.hh"

#include <gtest/gtest.h>

namespace osb {
namespace {

TEST(FormatCount, HasAPlural) {
    EXPECT_EQ(format_count(0, "layer"), "0 layers");
    EXPECT_EQ(format_count(1, "layer"), "1 layer");
}

TEST(Octal, HasFourDigits) {
    EXPECT_EQ(octal(0), "0000");
    EXPECT_EQ(octal(0700), "0700");
    EXPECT_EQ(octal(04755), "4755");
    EXPECT_EQ(octal(0100644), "100644");
}

}  // namespace
}  // namespace osb

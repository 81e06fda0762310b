#include "base/one_line.hh"

#include <gtest/gtest.h>

namespace osb {
namespace {

TEST(OneLine, StaysAsItIs) {
    EXPECT_EQ(one_line("Alpine Linux v3.20 (ostree:0)", 100), "Alpine Linux v3.20 (ostree:0)");
    EXPECT_EQ(one_line("", 100), "");
}

TEST(OneLine, HasNoLineEndsAndNoControls) {
    EXPECT_EQ(one_line("1.0\noptions init=/bin/sh\r\n", 100), "1.0?options init=/bin/sh");
    EXPECT_EQ(one_line("\t 1.0 \n", 100), "1.0");
    EXPECT_EQ(one_line(std::string("a\0b\x1b[2J\x7f", 8), 100), "a?b?[2J?");
    EXPECT_EQ(one_line(" \n\t", 100), "");
}

TEST(OneLine, IsCutBetweenCharacters) {
    EXPECT_EQ(one_line("abcdef", 3), "abc");
    EXPECT_EQ(one_line("ab\xc3\xa4", 3), "ab");
    EXPECT_EQ(one_line("ab\xc3\xa4", 4), "ab\xc3\xa4");
    EXPECT_EQ(one_line("\xe2\x82\xac\xe2\x82\xac", 5), "\xe2\x82\xac");
}

}  // namespace
}  // namespace osb

#include "ostree/sysroot/kernel_options.hh"

#include <gtest/gtest.h>

namespace osb::ostree {
namespace {

using Options = std::vector<std::string>;

TEST(KernelOptions, AreWhatIsBetweenBlanks) {
    EXPECT_EQ(split_kernel_options("  a=1\tb \n c "), (Options{"a=1", "b", "c"}));
    EXPECT_EQ(split_kernel_options(" \n"), Options{});
    EXPECT_EQ(split_kernel_options(""), Options{});
}

TEST(KernelOptions, QuotesKeepBlanksTogetherAndStay) {
    EXPECT_EQ(split_kernel_options(R"(a="b c"  "d=e f" g)"), (Options{R"(a="b c")", R"("d=e f")", "g"}));
    EXPECT_EQ(split_kernel_options(R"(a="" b)"), (Options{R"(a="")", "b"}));
}

TEST(KernelOptions, ALineEndsWhateverIsQuoted) {
    EXPECT_EQ(split_kernel_options("a=\"b\nc\" d"), (Options{"a=\"b", "c\"", "d"}));
}

TEST(KernelOptions, TwoDashesEndThem) {
    for (const char* word : {"--", "\"--\"", "\xc3\xa0--", "x=\xc3\xa0--\xa0y"}) {
        EXPECT_TRUE(ends_kernel_options(word)) << word;
    }
    for (const char* word : {"", "-", "---", "--x", "--=x", "x=--", "\"--", "\"-- \"", "\xc3\xa9--"}) {
        EXPECT_FALSE(ends_kernel_options(word)) << word;
    }
}

}  // namespace
}  // namespace osb::ostree

#include "image/deployment/argument_rules.hh"

#include <gtest/gtest.h>

#include "base/error.hh"

namespace osb::image {
namespace {

using Words = std::vector<std::string>;

TEST(SplitKernelArguments, BlanksDivideExceptInQuotes) {
    EXPECT_EQ(split_kernel_arguments("  a=1\tb \n c=\"x y\" "), (Words{"a=1", "b", "c=\"x y\""}));
    EXPECT_EQ(split_kernel_arguments(""), Words{});
}

TEST(SplitKernelArguments, RefusesWhatWouldBreakABootEntry) {
    EXPECT_THROW(split_kernel_arguments("a=\"x y"), Error);
    EXPECT_THROW(split_kernel_arguments("a\rb"), Error);
    EXPECT_THROW(split_kernel_arguments("a\x1b[1m"), Error);
    EXPECT_THROW(split_kernel_arguments("a\x7f"), Error);
    EXPECT_THROW(split_kernel_arguments("a=\xff"), Error);
    EXPECT_THROW(split_kernel_arguments(std::string("a\0b", 3)), Error);
    // A line feed ends a word even in quotes, which are then not closed in either.
    for (const std::string& word : split_kernel_arguments("a=\"x\ny\"")) {
        EXPECT_EQ(word.find('\n'), std::string::npos);
    }
}

TEST(ArgumentName, IsWhatTheKernelLooksFor) {
    EXPECT_EQ(argument_name("root=UUID=1"), "root");
    EXPECT_EQ(argument_name("quiet"), "quiet");
    EXPECT_EQ(argument_name("\"initrd=/a b\""), "initrd");
    EXPECT_EQ(argument_name("=x"), "");
}

TEST(SetsArgument, LooksAtEveryWord) {
    EXPECT_TRUE(sets_argument({"quiet", "rw panic=0"}, "panic"));
    EXPECT_FALSE(sets_argument({"quiet", "panic_print=1", "panic", "x=panic=1"}, "panic"));
    EXPECT_FALSE(sets_argument({}, "panic"));
}

TEST(IsSetFor, DisksAndEntries) {
    for (const char* name : {"ostree", "osb.trial", "initrd"}) {
        EXPECT_TRUE(is_set_for_entry(name) && is_set_for_disk(name)) << name;
    }
    for (const char* name : {"root", "boot"}) {
        EXPECT_TRUE(!is_set_for_entry(name) && is_set_for_disk(name)) << name;
    }
    for (const char* name : {"rootwait", "osb.trial-timeout", "", "panic"}) {
        EXPECT_FALSE(is_set_for_disk(name)) << name;
    }
}

}  // namespace
}  // namespace osb::image

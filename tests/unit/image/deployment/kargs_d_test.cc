#include "image/deployment/kargs_d.hh"

#include <gtest/gtest.h>

#include "base/error.hh"

namespace osb::image {
namespace {

using Arguments = KernelArguments;

Arguments parse(std::string_view text) {
    return parse_kargs(text, "10-test.toml", "x86_64");
}

ErrorKind refused_kargs(std::string_view text) {
    try {
        parse(text);
    } catch (const Error& error) {
        EXPECT_NE(error.message().find("'10-test.toml'"), std::string::npos) << error.message();
        return error.kind();
    }
    ADD_FAILURE() << "was taken: " << text;
    return ErrorKind::internal;
}

TEST(ParseKargs, Arguments) {
    EXPECT_EQ(parse("kargs = [\"quiet\", \"console=ttyS0,115200n8\"]"),
              (Arguments{"quiet", "console=ttyS0,115200n8"}));
    EXPECT_EQ(parse(""), Arguments{});
    EXPECT_EQ(parse("kargs = []\n# nothing"), Arguments{});
}

TEST(ParseKargs, OneTextMayHoldSeveral) {
    EXPECT_EQ(parse(R"(kargs = [" a  b=1 ", 'dyndbg="file x +p; file y +p" c'])"),
              (Arguments{"a", "b=1", "dyndbg=\"file x +p; file y +p\"", "c"}));
}

TEST(ParseKargs, Architectures) {
    EXPECT_EQ(parse("kargs = [\"a\"]\nmatch-architectures = [\"aarch64\"]"), Arguments{});
    EXPECT_EQ(parse("kargs = [\"a\"]\nmatch-architectures = []"), Arguments{});
    EXPECT_EQ(parse("kargs = [\"a\"]\nmatch-architectures = [\"aarch64\", \"x86_64\"]"), Arguments{"a"});
    EXPECT_EQ(parse("kargs = [\"a\"]\nmatch-architectures = [\"amd64\"]"), Arguments{"a"});
    EXPECT_EQ(parse_kargs("kargs = [\"a\"]\nmatch-architectures = [\"arm64\"]", "x", "aarch64"),
              Arguments{"a"});
}

TEST(ParseKargs, WhatIsMalformedIsRefused) {
    for (const char* text :
         {"kargs = \"quiet\"", "kargs = [1]", "kargs = [[\"a\"]]", "kargs = [\"a\"", "kargs = {a = 1}",
          "kargs = [\"a\"]\nkargs = [\"b\"]", "karg = [\"a\"]", "match-architectures = \"x86_64\"",
          R"(kargs = ["a\u0007"])", R"(kargs = ["a\nb"])", "kargs = ['a=\"b']"}) {
        EXPECT_EQ(refused_kargs(text), ErrorKind::invalid) << text;
    }
    EXPECT_EQ(refused_kargs(std::string(R"(kargs = ["a"])") + '\0'), ErrorKind::invalid);
}

TEST(ParseKargs, NoTextEndsTheProcess) {
    std::string deep;
    for (int i = 0; i < 500'000; ++i) deep += "a.";
    EXPECT_EQ(refused_kargs(deep + "b = 1"), ErrorKind::invalid);
    EXPECT_EQ(refused_kargs("[[["), ErrorKind::invalid);
}

TEST(ParseKargs, WhatSaysWhichSystemIsStartedIsRefused) {
    for (const char* name :
         {"root=LABEL=x", "ostree=/ostree/boot.0/x", "boot=none", "osb.trial=1", "initrd=/x"}) {
        EXPECT_EQ(refused_kargs(std::string("kargs = [\"quiet ") + name + "\"]"), ErrorKind::invalid) << name;
    }
    EXPECT_EQ(parse("kargs = [\"rootwait\", \"rootflags=noatime\"]"),
              (Arguments{"rootwait", "rootflags=noatime"}));
}

TEST(ParseKargs, WhatEndsTheKernelsArgumentsIsRefused) {
    for (const char* text : {"kargs = ['--']", "kargs = ['quiet -- single']", "kargs = ['\"--\"']"}) {
        EXPECT_EQ(refused_kargs(text), ErrorKind::invalid) << text;
    }
    EXPECT_EQ(parse("kargs = ['x=--', '---']"), (Arguments{"x=--", "---"}));
}

// The example of bootc's documentation in effect: what was added comes, what is gone goes, what the machine
// has stays.
TEST(MergeKargs, IsTheDifferenceOfTheImages) {
    EXPECT_EQ(merge_kargs({"root=UUID=1", "quiet", "mine", "old=1"}, {"quiet", "old=1"}, {"quiet", "new=1"}),
              (Arguments{"root=UUID=1", "quiet", "mine", "new=1"}));
}

TEST(MergeKargs, WhatTheMachineRemovedStaysRemoved) {
    EXPECT_EQ(merge_kargs({"rw"}, {"quiet"}, {"quiet", "a"}), (Arguments{"rw", "a"}));
}

// The machine set the same argument: before the image brought it, and after.
TEST(MergeKargs, WhatTheMachineHasItselfSurvivesTheImages) {
    const Arguments own{"rw", "a", "console=tty0"};
    const Arguments both = merge_kargs(own, {}, {"a", "b"});
    EXPECT_EQ(both, (Arguments{"rw", "a", "a", "console=tty0", "b"}));
    EXPECT_EQ(merge_kargs(both, {"a", "b"}, {"a", "b"}), both);
    EXPECT_EQ(merge_kargs(both, {"a", "b"}, {}), own);
    EXPECT_EQ(merge_kargs({"rw", "a", "console=tty0", "a"}, {"a"}, {}),
              (Arguments{"rw", "console=tty0", "a"}));
    EXPECT_EQ(merge_kargs({"rw", "a"}, {"a"}, {}), Arguments{"rw"});
}

TEST(MergeKargs, CopiesOfOneImageCount) {
    EXPECT_EQ(merge_kargs({"a", "a"}, {"a", "a"}, {"a"}), Arguments{"a"});
    EXPECT_EQ(merge_kargs({"a"}, {"a"}, {"a", "a"}), (Arguments{"a", "a"}));
    EXPECT_EQ(merge_kargs({"a"}, {"a", "a"}, {}), Arguments{});
}

TEST(MergeKargs, OrderIsThatOfTheMachineThenOfTheImage) {
    EXPECT_EQ(merge_kargs({"c", "console=tty0", "a"}, {"a"}, {"z", "b", "a"}),
              (Arguments{"c", "console=tty0", "a", "z", "b"}));
}

}  // namespace
}  // namespace osb::image

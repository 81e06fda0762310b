#include "base/escape.hh"

#include <gtest/gtest.h>

namespace osb {
namespace {

TEST(Escape, PlainTextStays) {
    EXPECT_EQ(escape("usr/bin/a b~!"), "usr/bin/a b~!");
    EXPECT_EQ(escape("\u00e4\u20ac\U0001F600"), "\u00e4\u20ac\U0001F600");
    EXPECT_EQ(escape(""), "");
    EXPECT_EQ(quoted("a"), "'a'");
}

// hostile names: line feeds, terminal sequences, text direction.
TEST(Escape, ControlCharactersGo) {
    EXPECT_EQ(escape("a\nb\rc\t"), "a\\x0ab\\x0dc\\x09");
    EXPECT_EQ(escape("\x1b[2J\x07\x7f"), "\\x1b[2J\\x07\\x7f");
    EXPECT_EQ(escape(std::string("a\0b", 3)), "a\\x00b");
    EXPECT_EQ(escape("\\x1b"), "\\x5cx1b");
    EXPECT_EQ(escape("\u009b"), "\\xc2\\x9b");
    EXPECT_EQ(escape("\u202e"), "\\xe2\\x80\\xae");
    EXPECT_EQ(escape("\u2066"), "\\xe2\\x81\\xa6");
    EXPECT_EQ(escape("\u2028"), "\\xe2\\x80\\xa8");
}

TEST(Escape, InvalidUtf8Goes) {
    EXPECT_EQ(escape("\xff"), "\\xff");
    EXPECT_EQ(escape("\xc3"), "\\xc3");
    EXPECT_EQ(escape("\xc0\x80"), "\\xc0\\x80");
    EXPECT_EQ(escape("\xed\xa0\x80"), "\\xed\\xa0\\x80");
    EXPECT_EQ(escape("\xf4\x90\x80\x80"), "\\xf4\\x90\\x80\\x80");
}

TEST(Escape, EveryByteIsPrintable) {
    for (int byte = 0; byte < 256; ++byte) {
        for (const char c : escape(std::string(1, static_cast<char>(byte)))) {
            EXPECT_TRUE(c >= ' ' && c < 0x7F) << byte;
        }
    }
}

TEST(Escape, LongTextIsCut) {
    const std::string cut = escape(std::string(100'000, 'x'));
    EXPECT_EQ(cut, std::string(kMaxPrinted, 'x') + "...");
    EXPECT_EQ(escape("abcdef", 3), "abc...");
    EXPECT_EQ(escape("abc", 3), "abc");
    EXPECT_LE(escape(std::string(100'000, '\x01')).size(), kMaxPrinted + 16);
}

TEST(IsUtf8, Tells) {
    EXPECT_TRUE(is_utf8(""));
    EXPECT_TRUE(is_utf8("plain \u00e4\u20ac\U0001F600\U0010FFFF"));
    for (const char* bad :
         {"\x80", "\xff", "a\xc3", "\xc0\xaf", "\xc1\xbf", "\xe0\x80\x80", "\xe2\x82", "\xed\xbf\xbf",
          "\xf0\x80\x80\x80", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80", "\xe2\x28\xa1"}) {
        EXPECT_FALSE(is_utf8(bad)) << escape(bad);
    }
}

}  // namespace
}  // namespace osb

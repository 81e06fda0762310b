#include "ostree/objects/key_file.hh"

#include <gtest/gtest.h>

#include "base/error.hh"

namespace osb::ostree {
namespace {

TEST(KeyFile, ReadsGroupsKeysAndEscapes) {
    const KeyFile file =
        KeyFile::parse("# x\n\n [a] \n k = v w\n e=\\s\\t\\n\\r\\\\x\n[b]\nk=1\n[a]\nk=2\nn=\nu=a=b;c\n");
    EXPECT_EQ(file.get("a", "k"), "2");
    EXPECT_EQ(file.get("a", "e"), " \t\n\r\\x");
    EXPECT_EQ(file.get("a", "n"), "");
    EXPECT_EQ(file.get("a", "u"), "a=b;c");
    EXPECT_EQ(file.get("b", "k"), "1");
    EXPECT_EQ(file.get("b", "e"), std::nullopt);
    EXPECT_EQ(file.get("c", "k"), std::nullopt);
}

TEST(KeyFile, WhatIsSetIsReadAgain) {
    const std::string value = "  a\tb\nc\\d\r e ";
    KeyFile file;
    file.set("g", "k", "old");
    file.set("g", "k", value);
    EXPECT_EQ(KeyFile::parse(file.to_string()).get("g", "k"), value);
}

TEST(KeyFile, CarriageReturnsAtTheEndOfALineAreNoPartOfAValue) {
    for (const std::string text : {"[g]\r\nk=v\r\n", "[g]\nk=v\r", "[g]\nk=v\r\r\r\n\r\n"}) {
        const std::string first = KeyFile::parse(text).to_string();
        EXPECT_EQ(KeyFile::parse(text).get("g", "k"), "v");
        EXPECT_EQ(KeyFile::parse(first).to_string(), first);
    }
    EXPECT_EQ(KeyFile::parse("[g]\nk=a\rb\n").get("g", "k"), "a\rb");
}

TEST(KeyFile, AZeroByteIsRefused) {
    EXPECT_THROW(KeyFile::parse(std::string("[g]\nk=v\r\0x\n", 10)), Error);
}

TEST(KeyFile, AGroupThatIsRemovedTakesItsKeysAlong) {
    KeyFile file = KeyFile::parse("[a]\nk=1\n[b]\nk=2\n");
    file.remove_group("a");
    file.remove_group("c");
    EXPECT_EQ(file.to_string(), "[b]\nk=2\n");
    file.remove_group("b");
    EXPECT_EQ(file.to_string(), "");
}

TEST(KeyFile, AKeyThatIsRemovedTakesAnEmptyGroupAlong) {
    KeyFile file = KeyFile::parse("[a]\nk=1\nl=2\n");
    file.remove("a", "k");
    file.remove("a", "none");
    file.remove("none", "k");
    EXPECT_EQ(file.to_string(), "[a]\nl=2\n");
    file.remove("a", "l");
    EXPECT_EQ(file.to_string(), "");
}

TEST(KeyFile, AKeyThatIsThereTwiceIsRemoved) {
    KeyFile file = KeyFile::parse("[a]\nb=1\nc=2\nb=3\n[a]\nb=4\n");
    EXPECT_EQ(file.get("a", "b"), "4");
    file.remove("a", "b");
    EXPECT_EQ(KeyFile::parse(file.to_string()).get("a", "b"), std::nullopt);
    EXPECT_EQ(KeyFile::parse(file.to_string()).get("a", "c"), "2");
}

ErrorKind kind_of(const std::string& text) {
    try {
        const KeyFile file = KeyFile::parse(text);
        if (file.get("a", "k") != std::nullopt) return ErrorKind::internal;
    } catch (const Error& error) {
        return error.kind();
    }
    return ErrorKind::internal;
}

TEST(KeyFile, RefusesWhatIsNone) {
    for (const char* text :
         {"k=1\n", "[a\nk=1\n", "[a]\nk\n", "[a]\n=1\n", "[a[b]]\n", "[]\n", "\x7f\x45LF"}) {
        EXPECT_EQ(kind_of(text), ErrorKind::invalid) << text;
    }
}

TEST(KeyFile, RefusesAValueThatCannotBeRead) {
    EXPECT_EQ(kind_of("[a]\nk=\\q\n"), ErrorKind::invalid);
    EXPECT_EQ(kind_of("[a]\nk=\\\n"), ErrorKind::invalid);
    EXPECT_EQ(kind_of("[a]\nk=\xff\xfe\n"), ErrorKind::invalid);
}

}  // namespace
}  // namespace osb::ostree

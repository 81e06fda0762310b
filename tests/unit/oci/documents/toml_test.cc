// TOML as it comes from images and from users: what it means, and that no text of it ends the process.
#include "oci/documents/toml.hh"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "base/bytes.hh"
#include "base/error.hh"

namespace osb::test {
namespace {

std::string json_of(std::string_view text) {
    return oci::parse_toml(text).dump();
}

// The message of the refusal.
std::string refusal_of(std::string_view text) {
    try {
        oci::parse_toml(text);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::invalid) << error.message();
        return error.message();
    }
    ADD_FAILURE() << "taken: " << text.substr(0, 100);
    return {};
}

std::string repeated(std::string_view text, std::size_t count) {
    std::string out;
    for (std::size_t i = 0; i < count; ++i) out += text;
    return out;
}

TEST(TomlTest, AllKindsOfValues) {
    EXPECT_EQ(json_of(""), "{}");
    EXPECT_EQ(json_of("a = 'x'\nb = [1, -2, 0x1F]\nc = true\nd = 1.5\n[e.f]\n\"g h\" = {i = '''j'''}\n"),
              R"({"a":"x","b":[1,-2,31],"c":true,"d":1.5,"e":{"f":{"g h":{"i":"j"}}}})");
    EXPECT_EQ(json_of("[[a]]\nb = 1\n[[a]]\nb = 2\n"), R"({"a":[{"b":1},{"b":2}]})");
    EXPECT_EQ(json_of("day = 1979-05-27\ntime = 07:32:00\n"), R"({"day":null,"time":null})");
}

TEST(TomlTest, MalformedText) {
    EXPECT_NE(refusal_of("a = 1\nb = \n").find("line 2"), std::string::npos);
    EXPECT_EQ(refusal_of(std::string_view("a = '\0'", 7)), "a NUL byte");
    EXPECT_NE(refusal_of("a = \"\x1b\"").find("line 1"), std::string::npos);
    refusal_of("a = 1\na = 2\n");
    refusal_of("a = \"\xff\"\n");
}

TEST(TomlTest, TextThatBreaksTheLibrarysAssertions) {
    refusal_of("[[[");
    refusal_of("[[[a]]]\n");
    refusal_of("a = 1\n[[{");
}

// They become strings with escapes on their way to the parser.
TEST(TomlTest, LiteralStringsBeyondAscii) {
    EXPECT_EQ(json_of("a = '\u00e9\\n\"'\n"), "{\"a\":\"\u00e9\\\\n\\\"\"}");
    EXPECT_EQ(json_of("a = '''\n\u00e9\n\\\"\"\"'''''\nb = 1\n"),
              "{\"a\":\"\u00e9\\n\\\\\\\"\\\"\\\"''\",\"b\":1}");
    EXPECT_EQ(json_of("'\u00e9'.b = ''\n"), "{\"\u00e9\":{\"b\":\"\"}}");
    EXPECT_NE(refusal_of("a = '\u00e9\nb = 1\n").find("line 1"), std::string::npos);
    refusal_of("a = '\u00e9");
    refusal_of("a = '''\u00e9''");
    refusal_of("a = 1----'\ufffd'5-2g\n");
}

// For these the library's question whether a character is a blank had no defined answer.
TEST(TomlTest, CharactersBeyondAscii) {
    refusal_of(
        "kargs = [[\xCB\x8E"
        "et\".other = 2\n");
    refusal_of("\xC3\xA9 = 1");
    refusal_of("a = \"\\\xC3\xA9\"");
    EXPECT_EQ(json_of("\xEF\xBB\xBF"
                      "a = '\xC3\xA9' # \xC3\xA9\n\"\xC3\xA9\" = \"x\xE2\x82\xAC\xF0\x9F\x98\x80\"\n"),
              "{\"a\":\"\xC3\xA9\",\"\xC3\xA9\":\"x\xE2\x82\xAC\xF0\x9F\x98\x80\"}");
    EXPECT_EQ(json_of("a = \"\"\"x\\\n  \xC3\xA9\"\"\"\n"), "{\"a\":\"x\xC3\xA9\"}");
}

TEST(TomlTest, DepthIsBounded) {
    // Each of these ended the process: half a million tables are taken down by recursion.
    EXPECT_NE(refusal_of(repeated("a.", 500'000) + "b = 1").find("too deep"), std::string::npos);
    EXPECT_NE(refusal_of("\n[" + repeated("a.", 500'000) + "b]").find("line 2"), std::string::npos);
    EXPECT_NE(refusal_of("x = {" + repeated("'a'.", 250'000) + "b = 1}").find("too deep"), std::string::npos);
    refusal_of("a = " + repeated("[", 500'000));
    refusal_of("a = " + repeated("{b = ", 100'000));
    // A long string that ends in a quote hides nothing of what comes after it.
    refusal_of("x = {a = \"\"\"b\"\"\"\", " + repeated("c.", 500'000) + "d = 1}");
    refusal_of("a = " + repeated("{" + repeated("b.", 60) + "c = ", 30) + "1" + repeated("}", 30));
    // What people write is far below.
    EXPECT_EQ(json_of(repeated("a.", 20) + "b = 1").size(), repeated("{\"a\":", 20).size() + 7 + 20);
}

TEST(TomlTest, DotsAndBracketsInStringsAndCommentsDoNotCount) {
    const std::string dots = repeated(".[{", 200);
    EXPECT_EQ(json_of("a = '" + dots + "' # " + dots + "\nb = \"\\\"" + dots + "\"\n"),
              concat(R"({"a":")", dots, R"(","b":"\")", dots, R"("})"));
    EXPECT_EQ(json_of("a = '''\n" + dots + "''\n'''\n"), concat(R"({"a":")", dots, R"(''\n"})"));
    EXPECT_EQ(json_of("a = [1.5, 2.5" + repeated(", 1.5", 200) + "]")[0], '{');
}

}  // namespace
}  // namespace osb::test

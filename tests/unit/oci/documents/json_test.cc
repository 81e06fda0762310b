#include "oci/documents/json.hh"

#include <gtest/gtest.h>

#include <ctime>

#include "tests/unit/oci/layout_builder.hh"

namespace osb::oci {
namespace {

std::string nested(std::size_t depth) {
    return std::string(depth, '[') + std::string(depth, ']');
}

TEST(Json, Parses) {
    const Json value =
        parse_json(" {\"a\": [1, -2, 3.5, \"x\\u00e4\", null, true, {\"b\": {}}], \"c\": []}\n", "text");
    EXPECT_EQ(value.dump(), "{\"a\":[1,-2,3.5,\"x\u00e4\",null,true,{\"b\":{}}],\"c\":[]}");
    EXPECT_EQ(parse_json("3", "text"), 3);
    EXPECT_TRUE(parse_json("18446744073709551615", "text").is_number_unsigned());
}

// Row 80.
TEST(Json, RefusesWhatIsNone) {
    const std::vector<std::string> bad{"",
                                       " ",
                                       "{",
                                       "[1,]",
                                       "{\"a\":1,}",
                                       "{a:1}",
                                       "nul",
                                       "NaN",
                                       "[Infinity]",
                                       "01",
                                       "1e999",
                                       "'a'",
                                       "// c\n1",
                                       "\"\xff\"",
                                       "\"\xc0\x80\"",
                                       "\"\xed\xa0\x80\"",
                                       "\"\\ud800\"",
                                       "\"\\ud800\\u0041\"",
                                       "\"\\udc00\"",
                                       "\"a\nb\"",
                                       "{} x",
                                       "{}{}",
                                       "\xEF\xBB\xBF{}",
                                       std::string("{}\0", 3),
                                       std::string("{}\0{\"a\":1}", 10),
                                       std::string("\0", 1),
                                       "\xff\xfe{}"};
    for (const std::string& text : bad) {
        SCOPED_TRACE(text);
        const Error error = expect_error(ErrorKind::invalid, [&text] { parse_json(text, "the text"); });
        EXPECT_TRUE(error.message().starts_with("the text: ")) << error.message();
    }
}

TEST(Json, RefusesDuplicateKeysAtAnyDepth) {
    for (const char* text : {R"({"a":1,"a":1})", R"({"x":[{"b":{},"a":1,"b":2}]})", R"({"a":1,"\u0061":2})",
                             R"({"a":{"a":1},"a":2})"}) {
        const Error error = expect_error(ErrorKind::invalid, [text] { parse_json(text, "text"); });
        EXPECT_NE(error.message().find("twice"), std::string::npos) << error.message();
    }
    EXPECT_NO_THROW(parse_json(R"({"a":{"a":[{"a":1},{"a":1}]},"b":{"a":1}})", "text"));
    expect_error(ErrorKind::invalid, [] { parse_json("{\"\\u001b[2J\":1,\"\\u001b[2J\":1}", "text"); });
}

TEST(Json, BoundsDepth) {
    EXPECT_NO_THROW(parse_json(nested(64), "text"));
    expect_error(ErrorKind::invalid, [] { parse_json(nested(65), "text"); });
    expect_error(ErrorKind::invalid, [] { parse_json(std::string(1'000'000, '['), "text"); });
    EXPECT_NO_THROW(parse_json(nested(3), "text", 3));
    expect_error(ErrorKind::invalid, [] { parse_json(nested(4), "text", 3); });
}

// Many small values, and many siblings of objects: neither memory nor time may explode.
TEST(Json, BoundsValues) {
    std::string text = "[";
    for (int i = 0; i < 200'000; ++i) text += "{},";
    text += "1]";
    // Of processor time: a machine may be busy. Work that grows with the square takes minutes.
    const std::clock_t start = std::clock();
    EXPECT_EQ(parse_json(text, "text").size(), 200'001U);
    EXPECT_LT((std::clock() - start) / CLOCKS_PER_SEC, 30);
    text.insert(1, text.substr(1, text.size() - 3));
    expect_error(ErrorKind::too_large, [&text] { parse_json(text, "text"); });
}

TEST(Json, LongNumbers) {
    const std::string digits(1024UL * 1024, '9');
    expect_error(ErrorKind::invalid, [&digits] { parse_json(digits, "text"); });
}

}  // namespace
}  // namespace osb::oci

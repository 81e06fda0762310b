#include "oci/documents/json_members.hh"

#include <gtest/gtest.h>

#include <limits>
#include <nlohmann/json.hpp>

#include "base/error.hh"

namespace osb::oci {
namespace {

constexpr std::int64_t kMax = std::numeric_limits<std::int64_t>::max();

Json document() {
    return parse_json(
        R"({"text":"t","number":7,"large":18446744073709551615,"below":-3,"flag":true,"nothing":null,
                          "half":0.5,"zero":-0,"list":["a","b"],"mixed":["a",1],"map":{"k":"v"},"odd":{"k":1}})",
        "test");
}

template<typename F>
std::string refused(const F& f, ErrorKind kind = ErrorKind::invalid) {
    try {
        f();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), kind);
        return error.message();
    }
    return "nothing";
}

TEST(JsonMembers, Texts) {
    const Json json = document();
    EXPECT_EQ(required_string(json, "text", "here"), "t");
    EXPECT_EQ(optional_string(json, "none", "here"), "");
    EXPECT_EQ(optional_string(json, "nothing", "here"), "");
    EXPECT_EQ(text_or_empty(json, "number"), "");
    EXPECT_EQ(text_or_empty(json, "text"), "t");
    EXPECT_EQ(refused([&] { required_string(json, "none", "here"); }), "here: 'none' is missing");
    EXPECT_EQ(refused([&] { required_string(json, "number", "here"); }), "here: 'number' is not a string");
    EXPECT_EQ(refused([&] { optional_string(json, "list", "a: b"); }), "a: b: 'list' is not a string");
}

TEST(JsonMembers, NumbersAndFlags) {
    const Json json = document();
    EXPECT_EQ(required_integer(json, "number", 7, 7, "here"), 7);
    EXPECT_EQ(required_integer(json, "below", -3, kMax, "here"), -3);
    EXPECT_EQ(refused([&] { required_integer(json, "number", 8, 9, "here"); }),
              "here: 'number' is not an integer from 8 to 9");
    for (const char* key : {"large", "below", "half", "zero", "text", "flag"}) {
        EXPECT_EQ(refused([&] { required_integer(json, key, 0, kMax, "here"); }),
                  std::string("here: '") + key + "' is not an integer from 0 to 2^63-1");
    }
    EXPECT_EQ(refused([&] { required_integer(json, "none", 0, 1, "here"); }), "here: 'none' is missing");
    EXPECT_TRUE(optional_flag(json, "flag", "here"));
    EXPECT_FALSE(optional_flag(json, "none", "here"));
    EXPECT_EQ(refused([&] { optional_flag(json, "number", "here"); }), "here: 'number' is not true or false");
}

TEST(JsonMembers, Containers) {
    const Json json = document();
    EXPECT_EQ(optional_strings(json, "list", 2, "here"), (std::vector<std::string>{"a", "b"}));
    EXPECT_TRUE(optional_strings(json, "none", 2, "here").empty());
    EXPECT_EQ(refused([&] { optional_strings(json, "list", 1, "here"); }, ErrorKind::too_large),
              "here: 2 entries in 'list'; the limit is 1");
    EXPECT_EQ(refused([&] { optional_strings(json, "mixed", 2, "here"); }),
              "here: an element of 'mixed' is not a string");
    EXPECT_EQ(refused([&] { required_array(json, "map", 2, "here"); }), "here: 'map' is not an array");
    EXPECT_EQ(string_map(json, "map", "here").at("k"), "v");
    EXPECT_EQ(refused([&] { string_map(json, "odd", "here"); }), "here: 'odd': 'k' is not a string");
    EXPECT_EQ(refused([&] { string_map(json, "list", "here"); }), "here: 'list' is not an object");
}

// A document of another kind than an object is as one without members.
TEST(JsonMembers, WhatIsNoObject) {
    for (const char* text : {"[]", "7", "\"text\"", "null"}) {
        const Json json = parse_json(text, "test");
        EXPECT_EQ(find_member(json, "text"), nullptr);
        EXPECT_TRUE(member_or_null(json, "text").is_null());
        EXPECT_EQ(text_or_empty(json, "text"), "");
        EXPECT_EQ(refused([&] { required_string(json, "text", "here"); }), "here: 'text' is missing");
        EXPECT_EQ(refused([&] { require_object(json, "here"); }), "here: not a JSON object");
    }
}

}  // namespace
}  // namespace osb::oci

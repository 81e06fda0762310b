#include "registry/auth/challenge.hh"

#include <gtest/gtest.h>

namespace osb::registry {
namespace {

std::vector<Challenge> parse(const std::string& text) {
    return parse_challenges({{"www-authenticate", text}});
}

TEST(ChallengeTest, ReadsOne) {
    const auto found =
        parse(R"(Bearer realm="https://a/token",service="x, y",scope="repository:a:pull,push")");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].scheme, "bearer");
    EXPECT_EQ(found[0].param("realm"), "https://a/token");
    EXPECT_EQ(found[0].param("service"), "x, y");
    EXPECT_EQ(found[0].param("scope"), "repository:a:pull,push");
    EXPECT_EQ(found[0].param("none"), "");
}

TEST(ChallengeTest, ReadsManyInOneHeaderAndInSeveral) {
    const auto found = parse(R"(Negotiate, NTLM abc/d==, bAsIc realm = "a\"b\\" , ,Bearer Realm=t,x="")");
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(found[0].scheme, "negotiate");
    EXPECT_EQ(found[1].scheme, "ntlm");
    EXPECT_TRUE(found[1].params.empty());
    EXPECT_EQ(found[2].param("realm"), "a\"b\\");
    EXPECT_EQ(found[3].param("realm"), "t");
    EXPECT_EQ(
        parse_challenges({{"www-authenticate", "Basic"}, {"x", "y"}, {"www-authenticate", "Bearer a=b"}})
            .size(),
        2U);
}

TEST(ChallengeTest, MalformedOnesEndTheList) {
    for (const char* text : {"", ",", "=", "\"x\""}) EXPECT_TRUE(parse(text).empty()) << text;
    for (const char* text : {"Basic realm=\"open", "Basic realm=\"a\" b, Bearer c=d", "Basic realm=\"x\\"}) {
        const auto found = parse(text);
        ASSERT_EQ(found.size(), 1U) << text;
        EXPECT_EQ(found[0].scheme, "basic") << text;
    }
}

TEST(ChallengeTest, ParametersBeforeMalformedOnesCount) {
    EXPECT_EQ(parse("Basic realm=\"a\" b")[0].param("realm"), "a");
    const auto found = parse(R"(Bearer realm="https://a/token",error="open)");
    ASSERT_FALSE(found.empty());
    EXPECT_EQ(found[0].param("realm"), "https://a/token");
    EXPECT_EQ(parse("Basic realm=a, Bearer x=\"").size(), 2U);
}

TEST(ChallengeTest, SemicolonsSeparateAndTheLastOfTwoCounts) {
    const auto found = parse(R"(Bearer realm="https://a/token"; service="x", scope="1", scope="2")");
    ASSERT_EQ(found.size(), 1U);
    EXPECT_EQ(found[0].param("realm"), "https://a/token");
    EXPECT_EQ(found[0].param("service"), "x");
    EXPECT_EQ(found[0].param("scope"), "2");
}

TEST(ChallengeTest, TheirNumberIsBounded) {
    std::string many;
    for (int i = 0; i < 1000; ++i) many += "Basic a=b, ";
    EXPECT_LE(parse(many).size(), 16U);
}

}  // namespace
}  // namespace osb::registry

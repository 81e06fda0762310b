#include "registry/http/retry.hh"

#include <gtest/gtest.h>

#include <vector>

#include "base/error.hh"
#include "base/interrupt.hh"

namespace osb::registry {
namespace {

using std::chrono::milliseconds;
using std::chrono::seconds;

class RetryTest : public ::testing::Test {
  protected:
    RetryPolicy policy;
    std::vector<milliseconds> slept;
    double chance = 0;
    RetryHooks hooks{.sleep = [this](milliseconds time) { slept.push_back(time); },
                     .random = [this] { return chance; }};
};

TEST_F(RetryTest, BacksOffExponentiallyWithJitter) {
    Retry retry(policy, hooks);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(retry.again());
    EXPECT_FALSE(retry.again());
    EXPECT_EQ(slept, (std::vector<milliseconds>{milliseconds(250), milliseconds(500), milliseconds(1000),
                                                milliseconds(2000), milliseconds(4000)}));
    slept.clear();
    chance = 0.999;
    Retry late(policy, hooks);
    late.again();
    EXPECT_GT(slept[0], milliseconds(490));
    EXPECT_LE(slept[0], milliseconds(500));
}

TEST_F(RetryTest, WaitsAsAskedWithinBounds) {
    Retry retry(policy, hooks);
    EXPECT_TRUE(retry.again(seconds(30)));
    EXPECT_EQ(slept.back(), seconds(30));
    EXPECT_TRUE(retry.again(milliseconds(0)));
    EXPECT_EQ(slept.back(), milliseconds(500));
    EXPECT_FALSE(retry.again(seconds(61)));
}

TEST_F(RetryTest, AllWaitsTogetherAreBounded) {
    Retry retry(policy, hooks);
    EXPECT_TRUE(retry.again(seconds(60)));
    EXPECT_TRUE(retry.again(seconds(60)));
    EXPECT_FALSE(retry.again(seconds(61)));
    retry.progress();
    EXPECT_FALSE(retry.again(seconds(60) + milliseconds(1)));
}

TEST_F(RetryTest, ProgressCountsAnew) {
    Retry retry(policy, hooks);
    for (int i = 0; i < 5; ++i) EXPECT_TRUE(retry.again());
    retry.progress();
    EXPECT_TRUE(retry.again());
}

TEST_F(RetryTest, RunsUntilSomethingCameOfIt) {
    Retry retry(policy, hooks);
    int tries = 0;
    const int got = retry.run([&]() -> std::optional<int> {
        ++tries;
        if (tries == 1) throw NetworkError(ErrorKind::unavailable, "passing", true, true);
        if (tries == 2 && retry.again_after({.status = 503, .headers = {}, .body = nullptr}))
            return std::nullopt;
        return tries;
    });
    EXPECT_EQ(got, 3);
    EXPECT_EQ(retry.failures(), 2U);
    EXPECT_FALSE(retry.again_after({.status = 404, .headers = {}, .body = nullptr}));
}

TEST_F(RetryTest, ErrorsThatStayEndTheRun) {
    const auto tries_of = [&](const NetworkError& error, bool after_errors) {
        Retry retry(policy, hooks);
        unsigned tries = 0;
        const auto fail = [&] {
            ++tries;
            throw NetworkError(error);
        };
        EXPECT_THROW(retry.run(fail, after_errors), NetworkError);
        return tries;
    };
    const NetworkError passing(ErrorKind::unavailable, "passing", true, true);
    EXPECT_EQ(tries_of(passing, true), policy.max_tries);
    EXPECT_EQ(tries_of(passing, false), 1U);
    EXPECT_EQ(tries_of({ErrorKind::untrusted, "lasting", false, false}, true), 1U);
    EXPECT_EQ(tries_of({ErrorKind::unavailable, "asks for too long", true, true, policy.max_ask * 2}, true),
              1U);
}

TEST(RetryAfterTest, ReadsSecondsAndDates) {
    // Sun, 06 Nov 1994 08:49:37 GMT
    const auto now = std::chrono::system_clock::from_time_t(784111777);
    EXPECT_EQ(parse_retry_after("120", now), seconds(120));
    EXPECT_EQ(parse_retry_after(" 0 ", now), seconds(0));
    EXPECT_EQ(parse_retry_after("18446744073709551615", now), seconds(86400));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:50:07 GMT", now), seconds(30));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1994 08:00:00 GMT", now), seconds(0));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 9999 08:50:07 GMT", now), seconds(86400));
    EXPECT_EQ(parse_retry_after("Sun, 06 Nov 1899 08:50:07 GMT", now), seconds(0));
    // The forms of old (RFC 9110, 5.6.7).
    EXPECT_EQ(parse_retry_after("Sunday, 06-Nov-94 08:50:07 GMT", now), seconds(30));
    EXPECT_EQ(parse_retry_after("Sun Nov  6 08:50:07 1994", now), seconds(30));
    for (const char* text : {"", "-1", "1.5", "soon", "18446744073709551616", "Sun, 06 Nov 1994 24:50:07 GMT",
                             "Sun, 06 Xxx 1994 08:50:07 GMT"}) {
        EXPECT_FALSE(parse_retry_after(text, now)) << text;
    }
}

TEST(RetrySleepTest, AnInterruptionEndsIt) {
    set_interrupted(2);
    EXPECT_THROW(system_retry_hooks().sleep(seconds(60)), Interrupted);
    set_interrupted(0);
}

TEST(RetryStatusTest, OnlyPassingStatesAreTriedAgain) {
    for (const int status : {408, 425, 429, 500, 502, 503, 504, 520, 522, 524, 530}) {
        EXPECT_TRUE(is_transient_status(status));
    }
    for (const int status : {200, 301, 400, 401, 403, 404, 405, 416, 501, 505, 511, 519, 531}) {
        EXPECT_FALSE(is_transient_status(status));
    }
}

}  // namespace
}  // namespace osb::registry

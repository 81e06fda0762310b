#include "base/secret.hh"

#include <gtest/gtest.h>
#include <sys/prctl.h>
#include <sys/resource.h>

#include "base/escape.hh"
#include "base/log.hh"

namespace osb {
namespace {

TEST(SecretTest, IsTakenOutInEveryFormThatItIsPrintedIn) {
    keep_secret("cAn/ArY\\1");
    for (const char* text : {"x cAn/ArY\\1 y", "x cAn%2FArY%5C1 y", "x cAn%2fArY%5c1 y"}) {
        EXPECT_EQ(without_secrets(text), "x *** y");
    }
    EXPECT_EQ(without_secrets(quoted("cAn/ArY\\1")), "'***'");
    EXPECT_EQ(without_secrets("cAn/ArY"), "cAn/ArY");
}

TEST(SecretTest, OneThatIsPartOfAnotherLeavesNothingOfIt) {
    keep_secret("tail-of-it");
    keep_secret("the-tail-of-it-all");
    EXPECT_EQ(without_secrets("the-tail-of-it-all, tail-of-it"), "***, ***");
}

TEST(SecretTest, LettersAreNoSecrets) {
    keep_secret("");
    keep_secret("p");
    EXPECT_EQ(without_secrets("push"), "push");
    EXPECT_EQ(blotted("push", "p"), "***ush");
    EXPECT_EQ(blotted("push", ""), "push");
    EXPECT_EQ(blotted("***", "*"), "*********");
}

TEST(SecretTest, LogsHoldNone) {
    std::string seen;
    set_log_sink([&](LogLevel, const std::string& line) { seen += line; });
    keep_secret("cAnArY-of-the-log");
    log_warning("say cAnArY-of-the-log");
    set_log_sink({});
    EXPECT_EQ(seen, "say ***");
}

TEST(SecretTest, NoCoreDumpIsLeft) {
    keep_secret("cAnArY-of-the-core");
    rlimit limit{};
    ASSERT_EQ(::getrlimit(RLIMIT_CORE, &limit), 0);
    EXPECT_EQ(limit.rlim_cur, 0U);
    EXPECT_EQ(::prctl(PR_GET_DUMPABLE, 0, 0, 0, 0), 0);
}

}  // namespace
}  // namespace osb

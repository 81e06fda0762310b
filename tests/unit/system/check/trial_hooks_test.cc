#include "system/check/trial_hooks.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>

#include "tests/support/small_file.hh"
#include "tests/support/temp_directory.hh"

namespace osb::system {
namespace {

class TrialHooksTest : public ::testing::Test {
  protected:
    void add(const std::string& name, const std::string& script, ::mode_t mode = 0755) const {
        std::filesystem::create_directories(directory_ / "trial.d");
        const std::string path = directory_ / ("trial.d/" + name);
        test::put_file(path, "#!/bin/sh\n" + script);
        ASSERT_EQ(::chmod(path.c_str(), mode), 0);
    }
    std::vector<std::string> run(TrialVerdict verdict,
                                 std::chrono::milliseconds limit = std::chrono::seconds(20)) {
        return run_trial_hooks({.directories = {directory_.path()}, .limit = limit, .total_limit = limit},
                               verdict, "{\"schema\": 1}\n");
    }
    std::string out() const { return test::get_file(directory_ / "out"); }

    test::TempDirectory directory_;
};

TEST_F(TrialHooksTest, EachGetsTheStatusAndTheVerdict) {
    const std::string script = "{ echo $0 $OSB_TRIAL_VERDICT; cat; } >>" + (directory_ / "out");
    add("20-b", script);
    add("10-a", script);
    add("30-c~", script);
    add("40-d", script, 0644);
    const std::vector<std::string> problems = run(TrialVerdict::passed);
    EXPECT_EQ(problems.size(), 2U);
    const std::string place = directory_ / "trial.d/";
    EXPECT_EQ(out(), place + "10-a passed\n{\"schema\": 1}\n" + place + "20-b passed\n{\"schema\": 1}\n");
}

TEST_F(TrialHooksTest, OnlyAVerdictCounts) {
    add("10-a", "echo $OSB_TRIAL_VERDICT >>" + (directory_ / "out"));
    EXPECT_TRUE(run(TrialVerdict::none).empty());
    EXPECT_TRUE(run(TrialVerdict::to_come).empty());
    EXPECT_FALSE(std::filesystem::exists(directory_ / "out"));
    EXPECT_TRUE(run(TrialVerdict::failed).empty());
    EXPECT_EQ(out(), "failed\n");
}

TEST_F(TrialHooksTest, AHookThatFailsOrHangsIsNamed) {
    add("10-a", "exit 3");
    add("20-b", "trap '' TERM; sleep 1000");
    add("30-c", "exit 0");
    const std::vector<std::string> problems = run(TrialVerdict::failed, std::chrono::milliseconds(300));
    ASSERT_EQ(problems.size(), 3U);
    EXPECT_NE(problems[0].find("10-a"), std::string::npos);
    EXPECT_NE(problems[0].find("exit status 3"), std::string::npos);
    EXPECT_NE(problems[1].find("did not end in time"), std::string::npos);
    EXPECT_NE(problems[2].find("no time left"), std::string::npos);
}

TEST_F(TrialHooksTest, WithoutADirectoryThereAreNone) {
    EXPECT_TRUE(run(TrialVerdict::passed).empty());
}

}  // namespace
}  // namespace osb::system

#include "system/check/health_checks.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>
#include <optional>
#include <thread>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "tests/support/held_process.hh"
#include "tests/support/small_file.hh"
#include "tests/support/temp_directory.hh"

namespace osb::system {
namespace {

namespace fs = std::filesystem;
using std::chrono::milliseconds;

class ChecksTest : public ::testing::Test {
  protected:
    ChecksTest() {
        options_.directories = {directory_ / "etc", directory_ / "usr"};
        options_.services = false;
        options_.limit = milliseconds(20'000);
    }
    void put(const std::string& path, const std::string& script, bool executable = true) const {
        const fs::path target = directory_ / path;
        fs::create_directories(target.parent_path());
        test::put_file(target, "#!/bin/sh\n" + script);
        if (executable) fs::permissions(target, fs::perms::owner_all);
    }

    test::TempDirectory directory_;
    CheckOptions options_;
};

TEST_F(ChecksTest, NoneIsHealthy) {
    const CheckReport report = run_checks(options_);
    EXPECT_TRUE(report.healthy());
    EXPECT_TRUE(report.results.empty());
    EXPECT_EQ(report.failure(), "");
}

TEST_F(ChecksTest, RequiredOnesDecideInTheOrderOfTheirNames) {
    put("etc/required.d/20-b", "echo first; echo second >&2; echo; exit 3\n");
    put("usr/required.d/10-a", "echo fine\n");
    put("etc/required.d/30-c", "exit 7\n");
    put("etc/wanted.d/10-w", "exit 1\n");
    std::vector<std::string> started;
    options_.on_start = [&](const std::string& name) { started.push_back(name); };
    const CheckReport report = run_checks(options_);
    ASSERT_EQ(report.results.size(), 4U);
    EXPECT_EQ(started, (std::vector<std::string>{"10-a", "20-b", "30-c", "10-w"}));
    EXPECT_TRUE(report.results[0].ok);
    EXPECT_EQ(report.results[0].message, "fine");
    EXPECT_EQ(report.results[1].message, "second");
    EXPECT_EQ(report.results[2].message, "exit status 7");
    EXPECT_FALSE(report.results[3].required);
    EXPECT_FALSE(report.healthy());
    EXPECT_EQ(report.failure(), "check '20-b' failed: second");
}

TEST_F(ChecksTest, WantedOnesAreOnlyTold) {
    put("etc/wanted.d/10-w", "echo no network; exit 1\n");
    const CheckReport report = run_checks(options_);
    EXPECT_TRUE(report.healthy());
    EXPECT_EQ(report.failure(), "");
    EXPECT_FALSE(report.results.at(0).ok);
}

TEST_F(ChecksTest, TheMachinesOwnStandsForTheImages) {
    put("usr/required.d/10-a", "exit 1\n");
    put("usr/required.d/20-b", "exit 1\n");
    put("etc/required.d/10-a", "exit 0\n");
    fs::create_symlink("/dev/null", directory_ / "etc/required.d/20-b");
    const CheckReport report = run_checks(options_);
    EXPECT_TRUE(report.healthy());
    EXPECT_EQ(report.results.size(), 1U);
    EXPECT_TRUE(report.warnings.empty());
}

TEST_F(ChecksTest, WhatIsNoCheckIsPassedOverWithAWarning) {
    put("etc/required.d/README", "exit 1\n", false);
    put("etc/required.d/10-a~", "exit 1\n");
    put("etc/required.d/10-a.rpmnew", "exit 1\n");
    put("etc/required.d/.hidden", "exit 1\n");
    fs::create_directories(directory_ / "etc/required.d/directory");
    fs::create_symlink("nowhere", directory_ / "etc/required.d/link");
    put("etc/required.d/x\x1b[2J", "exit 1\n", false);
    const CheckReport report = run_checks(options_);
    EXPECT_TRUE(report.results.empty());
    EXPECT_EQ(report.warnings.size(), 6U);
    for (const std::string& warning : report.warnings) EXPECT_EQ(warning.find('\x1b'), std::string::npos);
}

TEST_F(ChecksTest, WhatACheckSaysIsBoundedAndEscaped) {
    put("etc/required.d/10-a",
        "i=0; while [ $i -lt 20000 ]; do echo 0123456789; i=$((i+1)); done\n"
        "printf 'x\\033[2J%01000d' 0; exit 1\n");
    const CheckReport report = run_checks(options_);
    const std::string message = report.results.at(0).message;
    EXPECT_LE(message.size(), 270U);
    EXPECT_EQ(message.find('\x1b'), std::string::npos);
    EXPECT_TRUE(message.starts_with("x\\x1b[2J0")) << message;
}

TEST_F(ChecksTest, AtTheLimitTheWholeGroupIsKilled) {
    put("etc/required.d/10-a", "sleep 100 & echo $! >\"$0.pid\"; wait\n");
    options_.limit = milliseconds(300);
    const CheckReport report = run_checks(options_);
    EXPECT_EQ(report.failure(), "check '10-a' failed: it did not end within 300 ms");
    const int child = std::stoi(test::get_file(directory_ / "etc/required.d/10-a.pid"));
    // Its parent is gone; whoever takes its place reaps it sooner or later.
    const auto is_gone = [child] {
        const std::string path = "/proc/" + std::to_string(child) + "/stat";
        return !fs::exists(path) || test::get_file(path).find(") Z ") != std::string::npos;
    };
    for (int i = 0; i < 100 && !is_gone(); ++i) ::usleep(10'000);
    EXPECT_TRUE(is_gone());
}

// Such as one that reads from a disk that does not answer.
TEST_F(ChecksTest, OneThatDoesNotEndEvenKilledIsGivenUp) {
    put("etc/required.d/10-a", "echo $$ >\"$0.new\"; mv \"$0.new\" \"$0.pid\"; exec sleep 100\n");
    put("etc/required.d/20-b", "exit 0\n");
    options_.limit = milliseconds(1'000);
    options_.kill_limit = milliseconds(100);
    std::optional<test::HeldProcess> held;
    std::thread holder([&] {
        const std::string file = directory_ / "etc/required.d/10-a.pid";
        for (int i = 0; i < 1000 && !fs::exists(file); ++i) ::usleep(1'000);
        if (fs::exists(file)) held.emplace(std::stoi(test::get_file(file)));
    });
    const auto start = std::chrono::steady_clock::now();
    const CheckReport report = run_checks(options_);
    holder.join();
    ASSERT_TRUE(held);
    if (!held->is_held()) GTEST_SKIP() << "tracing is forbidden here";
    EXPECT_LT(std::chrono::steady_clock::now() - start, milliseconds(4'000));
    EXPECT_EQ(report.failure(), "check '10-a' failed: it did not end within 1 s, nor after it was killed");
    ASSERT_EQ(report.results.size(), 2U);
    EXPECT_TRUE(report.results[1].ok);
}

TEST_F(ChecksTest, WhatIsLeftBehindIsNotWaitedFor) {
    put("etc/required.d/10-a", "sleep 30 & echo $! >\"$0.pid\"\n");
    options_.limit = milliseconds(10'000);
    const CheckReport report = run_checks(options_);
    EXPECT_TRUE(report.healthy());
    EXPECT_LT(report.results.at(0).duration, milliseconds(9'000));
    ::kill(std::stoi(test::get_file(directory_ / "etc/required.d/10-a.pid")), SIGKILL);
}

TEST_F(ChecksTest, AllTogetherHaveALimit) {
    put("etc/required.d/10-a", "exec sleep 100\n");
    put("etc/required.d/20-b", "exit 0\n");
    options_.total_limit = milliseconds(200);
    const CheckReport report = run_checks(options_);
    ASSERT_EQ(report.results.size(), 2U);
    EXPECT_EQ(report.results[1].message, "there was no time left for it");
    EXPECT_FALSE(report.results[1].ok);
}

TEST_F(ChecksTest, WhatCannotBeStartedHasFailed) {
    put("etc/required.d/10-a", "");
    test::put_file(directory_ / "etc/required.d/10-a", "#!/no/such/interpreter\n");
    const CheckReport report = run_checks(options_);
    EXPECT_FALSE(report.healthy());
    EXPECT_FALSE(report.results.at(0).message.empty());
}

TEST_F(ChecksTest, AnInterruptionEndsThem) {
    put("etc/required.d/10-a", "exec sleep 100\n");
    options_.on_start = [](const std::string&) { set_interrupted(SIGTERM); };
    EXPECT_THROW(run_checks(options_), Interrupted);
    set_interrupted(0);
}

}  // namespace
}  // namespace osb::system

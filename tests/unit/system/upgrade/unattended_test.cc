// When the unattended upgrade works, and how long it waits; with a clock and an osb-oci of the test's own.
// tests/integration/upgrade_job.py has the rest.
#include "system/upgrade/unattended.hh"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <ctime>
#include <filesystem>
#include <set>

#include "base/error.hh"
#include "tests/support/small_file.hh"
#include "tests/support/temp_directory.hh"

namespace osb::system {
namespace {

std::int64_t local(int day, int hour, int minute, int second = 0) {
    std::tm time{};
    time.tm_year = 2026 - 1900;
    time.tm_mon = 10;
    time.tm_mday = day;
    time.tm_hour = hour;
    time.tm_min = minute;
    time.tm_sec = second;
    time.tm_isdst = -1;
    return std::mktime(&time);
}

class UnattendedTest : public ::testing::Test {
  protected:
    UnattendedTest() {
        std::filesystem::create_directories(directory_ / "etc/conf.d");
        test::put_file(directory_ / "osb-oci", "#!/bin/sh\necho x >>\"$(dirname \"$0\")/calls\"\nexit 77\n");
        ::chmod((directory_ / "osb-oci").c_str(), 0755);
    }
    void settings(const std::string& window, const std::string& jitter = "0", const std::string& days = "1") {
        test::put_file(directory_ / "etc/conf.d/osb-upgrade",
                       "osb_upgrade=yes\nosb_upgrade_window=" + window + "\nosb_upgrade_jitter=" + jitter +
                           "\nosb_upgrade_days=\"" + days + "\"\n");
    }
    // Whether it asked for an upgrade at that time.
    bool look(std::int64_t now) {
        const std::size_t before = calls();
        now_ = now;
        slept_ = 0;
        run_unattended({.root = directory_.path(),
                        .program = directory_ / "osb-oci",
                        .now = [this] { return now_; },
                        .sleep =
                            [this](std::chrono::seconds time) {
                                slept_ += time.count();
                                now_ += time.count();
                            },
                        .restart = [] { ADD_FAILURE() << "a restart"; }});
        return calls() > before;
    }
    void link_settings() {
        std::filesystem::rename(directory_ / "etc/conf.d/osb-upgrade", directory_ / "etc/real");
        std::filesystem::create_symlink("../real", directory_ / "etc/conf.d/osb-upgrade");
    }
    // As root, a full or read-only filesystem is hard to have. A directory cannot be written to either.
    void block(const char* path) { std::filesystem::create_directories(directory_ / path); }
    void forget() { std::filesystem::remove(directory_ / "var/lib/osb/upgrade-done"); }

    std::int64_t slept_ = 0;

  private:
    std::size_t calls() const {
        std::error_code error;
        const auto size = std::filesystem::file_size(directory_ / "calls", error);
        return error ? 0 : size;
    }
    test::TempDirectory directory_;
    std::int64_t now_ = 0;
};

TEST_F(UnattendedTest, SettingsMayBeALink) {
    settings("22:30-01:00", "0", "1");
    link_settings();
    EXPECT_FALSE(look(local(16, 22, 29)));
    EXPECT_TRUE(look(local(16, 22, 30)));
}

TEST_F(UnattendedTest, OnceInEachWindow) {
    settings("22:30-01:00", "0", "1 2");
    EXPECT_FALSE(look(local(16, 22, 29)));
    EXPECT_TRUE(look(local(16, 22, 30)));
    EXPECT_FALSE(look(local(16, 23, 59)));
    EXPECT_FALSE(look(local(17, 0, 30)));  // the same one
    EXPECT_TRUE(look(local(17, 22, 30)));
}

TEST_F(UnattendedTest, WaitsForAShortWindow) {
    settings("03:16-03:25");
    EXPECT_FALSE(look(local(16, 3, 0)));
    EXPECT_TRUE(look(local(16, 3, 15, 20)));
    EXPECT_EQ(slept_, 40);
    EXPECT_FALSE(look(local(16, 3, 20)));
}

TEST_F(UnattendedTest, TheRandomWaitEndsWithTheWindow) {
    settings("03:10-03:20", "100000");
    std::set<std::int64_t> waits;
    for (int i = 0; i < 12; ++i) {
        forget();
        EXPECT_TRUE(look(local(16, 3, 19, 50)));
        waits.insert(slept_);
        EXPECT_LT(slept_, 10);
    }
    EXPECT_GT(waits.size(), 1U);
}

TEST_F(UnattendedTest, AVarThatCannotBeWrittenStopsNoUpgrade) {
    settings("22:30-01:00");
    block("var/log/osb-upgrade.log");
    block("var/lib/osb/upgrade-done/x");
    EXPECT_TRUE(look(local(16, 22, 30)));
    EXPECT_TRUE(look(local(16, 22, 45))) << "nothing is recorded";
}

TEST_F(UnattendedTest, OffWithoutSettings) {
    EXPECT_FALSE(look(local(16, 3, 0)));
}

}  // namespace
}  // namespace osb::system

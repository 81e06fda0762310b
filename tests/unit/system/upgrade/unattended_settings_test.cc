#include "system/upgrade/unattended_settings.hh"

#include <gtest/gtest.h>

#include "base/error.hh"

namespace osb::system {
namespace {

std::string error_of(const std::string& text) {
    try {
        parse_unattended_settings(text);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::invalid);
        return error.message();
    }
    return "";
}

TEST(UnattendedSettings, OffByDefault) {
    const UnattendedSettings settings = parse_unattended_settings("");
    EXPECT_FALSE(settings.is_on);
    EXPECT_FALSE(settings.restarts);
    EXPECT_EQ(settings.schedule.begin, 120U);
    EXPECT_EQ(settings.schedule.end, 300U);
    EXPECT_EQ(settings.log, "/var/log/osb-upgrade.log");
}

TEST(UnattendedSettings, EveryKey) {
    const UnattendedSettings settings = parse_unattended_settings(
        "# of this machine\n"
        "\n"
        "  osb_upgrade=yes   # on\n"
        "osb_upgrade_window='22:00-24:00'\n"
        "osb_upgrade_days=\"6 7\"\n"
        "osb_upgrade_jitter=7\n"
        "osb_upgrade_apply=\"yes\"\n"
        "osb_upgrade_options='--authfile /etc/osb/auth.json  --creds $x'\n"
        "osb_upgrade_hook_time=1\n"
        "osb_upgrade_log=/var/log/x\n"
        "osb_upgrade_log_size=4096");
    EXPECT_TRUE(settings.is_on && settings.restarts);
    EXPECT_EQ(settings.schedule.begin, 22U * 60);
    EXPECT_EQ(settings.schedule.end, kMinutesOfDay);
    EXPECT_FALSE(settings.schedule.days[4]);
    EXPECT_TRUE(settings.schedule.days[5] && settings.schedule.days[6]);
    EXPECT_EQ(settings.jitter, 7U);
    EXPECT_EQ(settings.options,
              (std::vector<std::string>{"--authfile", "/etc/osb/auth.json", "--creds", "$x"}));
    EXPECT_EQ(settings.hook_time, 1U);
    EXPECT_EQ(settings.log, "/var/log/x");
    EXPECT_EQ(settings.log_size, 4096U);
}

TEST(UnattendedSettings, TheLastCounts) {
    EXPECT_TRUE(parse_unattended_settings("osb_upgrade=no\nosb_upgrade=\"yes\"\n").is_on);
    EXPECT_TRUE(parse_unattended_settings("osb_upgrade_options=\n").options.empty());
}

TEST(UnattendedSettings, EverythingElseIsAnErrorOfItsLine) {
    for (const char* line : {"osb_upgrade = yes",
                             "export osb_upgrade=yes",
                             "osb_upgrade=yes; reboot",
                             "osb_upgrade=yes no",
                             "osb_upgrade=maybe",
                             "osb_upgrade=\"yes",
                             "osb_upgrade=\"yes\"x",
                             "osb_upgrade_options=\"$(reboot)\"",
                             "osb_upgrade_options=\"`reboot`\"",
                             "osb_upgrade_options=$HOME",
                             "osb_upgrade_jitter=-1",
                             "osb_upgrade_jitter=1h",
                             "osb_upgrade_jitter=",
                             "osb_upgrade_hook_time=0",
                             "osb_upgrade_log=x",
                             "osb_upgrade_log_size=10",
                             "osb_upgrade_window=2-5",
                             "osb_upgrade_jiter=5",
                             "reboot",
                             "if true; then",
                             "osb_upgrade=yes\r"}) {
        const std::string message = error_of(std::string("# a comment\n") + line + "\n");
        EXPECT_EQ(message.find("line 2: "), 0U) << line << ": " << message;
    }
}

}  // namespace
}  // namespace osb::system

#include "image/settings/time_service.hh"

#include <gtest/gtest.h>

namespace osb::test {
namespace {

using image::chrony_with_servers;
using image::ntpd_with_servers;

TEST(TimeService, ChronyAsksTheseServersAlone) {
    EXPECT_EQ(
        chrony_with_servers("# default config\n\npool pool.ntp.org iburst\ninitstepslew 10 pool.ntp.org\n"
                            "driftfile /var/lib/chrony/chrony.drift\n  SERVER a\nPeer b key 1\n"
                            "! server c\nserverstats\nrtcsync",
                            {"ntp1.example", "192.0.2.1"}),
        "# default config\n\ninitstepslew 10 ntp1.example 192.0.2.1\n"
        "driftfile /var/lib/chrony/chrony.drift\n! server c\nserverstats\nrtcsync\n"
        "server ntp1.example iburst\nserver 192.0.2.1 iburst\n");
    EXPECT_EQ(chrony_with_servers("", {"a"}), "server a iburst\n");
    // Without a server, there is nothing to replace.
    EXPECT_EQ(chrony_with_servers("initstepslew 10\n", {"a"}), "initstepslew 10\nserver a iburst\n");
}

TEST(TimeService, NtpdKeepsItsOtherOptions) {
    EXPECT_EQ(ntpd_with_servers("# options\nNTPD_OPTS=\"-N -p pool.ntp.org\"\n", {"a", "::1"}),
              "# options\nNTPD_OPTS=\"-N -p a -p ::1\"\n");
    EXPECT_EQ(ntpd_with_servers("NTPD_OPTS='-pold -l  -I eth0 -p'\nrc_need=net", {"a"}),
              "rc_need=net\nNTPD_OPTS=\"-l -I eth0 -p a\"\n");
    EXPECT_EQ(ntpd_with_servers("NTPD_OPTS=-l # comment\n", {"a"}), "NTPD_OPTS=\"-l -p a\"\n");
    EXPECT_EQ(ntpd_with_servers("NTPD_OPTS=\n", {"a"}), "NTPD_OPTS=\"-p a\"\n");
    EXPECT_EQ(ntpd_with_servers("#NTPD_OPTS=\"-x\"\n", {"a"}), "#NTPD_OPTS=\"-x\"\nNTPD_OPTS=\"-N -p a\"\n");
    EXPECT_EQ(ntpd_with_servers("", {"a"}), "NTPD_OPTS=\"-N -p a\"\n");
    // What the value is for a shell it still is.
    EXPECT_EQ(ntpd_with_servers("NTPD_OPTS='-S \"/x y\" $A'\n", {"a"}),
              "NTPD_OPTS=\"-S \\\"/x y\\\" \\$A -p a\"\n");
    EXPECT_EQ(ntpd_with_servers("NTPD_OPTS=\"-S $A \\\"x\\z\"-l;b\n", {"a"}),
              "NTPD_OPTS=\"-S $A \\\"x\\\\z-l -p a\"\n");
    EXPECT_EQ(ntpd_with_servers("NTPD_OPTS=a\\\nb=1", {"a"}), "b=1\nNTPD_OPTS=\"a\\\\ -p a\"\n");
    // A quote without its end.
    EXPECT_EQ(ntpd_with_servers("NTPD_OPTS=\"-l -p x", {"a"}), "NTPD_OPTS=\"-l -p a\"\n");
}

}  // namespace
}  // namespace osb::test

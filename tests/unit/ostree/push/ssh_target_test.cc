// Destinations of ssh.
#include "ostree/push/ssh_target.hh"

#include <gtest/gtest.h>

#include <string>

#include "base/error.hh"

namespace osb::test {
namespace {

using ostree::SshTarget;

TEST(SshTarget, Parts) {
    const SshTarget full = SshTarget::parse("ssh://me@host.example:2222/srv/a repo");
    EXPECT_EQ(full.user, "me");
    EXPECT_EQ(full.host, "host.example");
    EXPECT_EQ(full.port, 2222);
    EXPECT_EQ(full.path, "/srv/a repo");
    EXPECT_EQ(full.to_string(), "ssh://me@host.example:2222/srv/a repo");
    const SshTarget least = SshTarget::parse("ssh://h/x");
    EXPECT_EQ(least.user, "");
    EXPECT_EQ(least.host, "h");
    EXPECT_EQ(least.port, 0);
    EXPECT_EQ(least.to_string(), "ssh://h/x");
    const SshTarget address = SshTarget::parse("ssh://[fe80::1%eth0]:22/x");
    EXPECT_EQ(address.host, "fe80::1%eth0");
    EXPECT_EQ(address.to_string(), "ssh://[fe80::1%eth0]:22/x");
    // A user of a domain.
    EXPECT_EQ(SshTarget::parse("ssh://me@corp@host/x").user, "me@corp");
}

TEST(SshTarget, WhatIsNoName) {
    for (const char* bad : {
             "",
             "host:/x",
             "https://host/x",
             "ssh:/host/x",
             "ssh://host",
             "ssh://host/",
             "ssh:///x",
             "ssh://@host/x",
             "ssh://-oProxyCommand=touch$IFS/tmp/x/x",
             "ssh://-oProxyCommand=x@host/x",
             "ssh://a@-host/x",
             "ssh://a;b@host/x",
             "ssh://$(id)@host/x",
             "ssh://ho`id`st/x",
             "ssh://ho st/x",
             "ssh://h\nost/x",
             "ssh://host/a\nb",
             "ssh://host:/x",
             "ssh://host:0/x",
             "ssh://host:65536/x",
             "ssh://host:22a/x",
             "ssh://host:-22/x",
             "ssh://[::1/x",
             "ssh://[host]/x",
             "ssh://[-::1]/x",
             "ssh://[::1]22/x",
             "ssh://::1/x",
         })
        EXPECT_THROW(SshTarget::parse(bad), Error) << bad;
    EXPECT_THROW(SshTarget::parse("ssh://host/" + std::string(5000, 'a')), Error);
}

TEST(SshTarget, PasswordsAreNotRepeated) {
    try {
        SshTarget::parse("ssh://me:secret@host/x");
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.message().find("secret"), std::string::npos) << error.message();
        EXPECT_EQ(error.kind(), ErrorKind::usage);
    }
}

}  // namespace
}  // namespace osb::test

// Who can log in.
#include "system/reset/logins.hh"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace osb::system {
namespace {

using Names = std::vector<std::string>;

Names logins(std::string_view passwd, std::string_view shadow, const std::string& home_with_key = {}) {
    return find_logins(passwd, shadow, [&](const std::string& home) { return home == home_with_key; });
}

TEST(Logins, NeedAShellAndAPassword) {
    constexpr std::string_view kShadow = "root:$6$salt$hash:::::::\nbin:!:::::::\n";
    EXPECT_EQ(logins("root:x:0:0::/root:/bin/ash\nbin:x:1:1::/:/bin/sh\n", kShadow), Names{"root"});
    EXPECT_EQ(logins("root:x:0:0::/root:\n", kShadow), Names{"root"}) << "an empty shell is /bin/sh";
    EXPECT_EQ(logins("root:x:0:0::/root:/sbin/nologin\n", kShadow), Names{});
    EXPECT_EQ(logins("root:x:0:0::/root:/bin/false\n", kShadow), Names{});
    EXPECT_EQ(logins("root:x:0:0::/root:/bin/sh\n", ""), Names{}) << "no line in shadow";
    EXPECT_EQ(logins("root:$6$salt$hash:0:0::/root:/bin/sh\n", ""), Names{"root"});
    EXPECT_EQ(logins("root:x:0:0::/root:/bin/sh\n", "root::::::::\n"), Names{"root"}) << "an empty password";
    EXPECT_EQ(logins("root:x:0:0::/root:/bin/sh\n", "root:*:::::::\n"), Names{});
    EXPECT_EQ(logins("half:x\n\n:::\n", ":::\n"), Names{});
}

TEST(Logins, OrAKey) {
    constexpr std::string_view kPasswd = "core:x:1000:1000::/home/core:/bin/sh\n";
    EXPECT_EQ(logins(kPasswd, "core:*:::::::\n", "/home/core"), Names{"core"});
    EXPECT_EQ(logins(kPasswd, "core:!:::::::\n", "/home/core"), Names{}) << "locked";
    EXPECT_EQ(logins(kPasswd, "core:!$6$salt$hash:::::::\n", "/home/core"), Names{}) << "locked";
    EXPECT_EQ(logins(kPasswd, "core:*:::::::\n", "/root"), Names{});
    EXPECT_EQ(logins("a\x1b[1m:$6$s$h:0:0::/:/bin/sh\n", ""), Names{"a\\x1b[1m"});
}

TEST(Logins, KeysAreLinesOfAuthorizedKeys) {
    EXPECT_TRUE(has_authorized_key("# mine\n\n  ssh-ed25519 AAAA me@example\n"));
    EXPECT_TRUE(has_authorized_key("command=\"/bin/x\" ssh-rsa AAAA"));
    EXPECT_FALSE(has_authorized_key("# ssh-ed25519 AAAA\n"));
    EXPECT_FALSE(has_authorized_key(""));
    EXPECT_FALSE(has_authorized_key("not a key\n"));
}

}  // namespace
}  // namespace osb::system

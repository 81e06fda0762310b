#include "image/settings/accounts.hh"

#include <gtest/gtest.h>

#include "base/error.hh"

namespace osb::test {
namespace {

using image::Account;
using image::Accounts;

constexpr const char* kPasswd =
    "root:x:0:0:root:/root:/bin/ash\nguest:x:1000:100::/home/guest:/bin/sh\n# odd\n";
constexpr const char* kGroup = "root:x:0:root\nwheel:x:10:root\nusers:x:100:\nother:x:1001:\n";
constexpr const char* kShadow = "root:*::0:::::\nguest:!::0:::::\n";

Accounts accounts() {
    return {kPasswd, kGroup, kShadow};
}

TEST(Accounts, NothingChangedIsTheSameText) {
    const Accounts out = accounts();
    EXPECT_EQ(out.passwd(), kPasswd);
    EXPECT_EQ(out.group(), kGroup);
    EXPECT_EQ(out.shadow(), kShadow);
}

TEST(Accounts, NewUsersGetFreeIds) {
    Accounts out = accounts();
    const Account core = out.set_user({.name = "core", .password = "$6$x", .groups = {"wheel"}});
    // 1000 is a user's, 1001 a group's.
    EXPECT_EQ(core.uid, 1002U);
    EXPECT_EQ(core.gid, 1002U);
    EXPECT_EQ(core.home, "/home/core");
    EXPECT_EQ(out.passwd(), std::string(kPasswd) + "core:x:1002:1002::/home/core:/bin/sh\n");
    EXPECT_NE(out.group().find("wheel:x:10:root,core\n"), std::string::npos);
    EXPECT_NE(out.group().find("core:x:1002:\n"), std::string::npos);
    EXPECT_NE(out.shadow().find("core:$6$x::0:99999:7:::\n"), std::string::npos);
    const Account second = out.set_user({.name = "b", .gid = 100});
    EXPECT_EQ(second.uid, 1001U);
    EXPECT_EQ(second.gid, 100U);
    // Locked for passwords, open for keys.
    EXPECT_NE(out.shadow().find("b:*::"), std::string::npos);
    EXPECT_EQ(out.uid("core"), 1002U);
    EXPECT_EQ(out.gid("wheel"), 10U);
    EXPECT_EQ(out.uid("77"), 77U);
    EXPECT_EQ(out.uid("nobody"), std::nullopt);
}

TEST(Accounts, ExistingUsersAreChanged) {
    Accounts out = accounts();
    const Account root =
        out.set_user({.name = "root", .password = "$6$y", .groups = {"wheel"}, .shell = "/bin/sh"});
    EXPECT_EQ(root.uid, 0U);
    EXPECT_EQ(root.home, "/root");
    EXPECT_EQ(out.passwd().substr(0, 31), "root:x:0:0:root:/root:/bin/sh\ng");
    EXPECT_EQ(out.shadow().substr(0, 20), "root:$6$y::0:::::\ngu");
    EXPECT_NE(out.group().find("wheel:x:10:root\n"), std::string::npos);  // was in it
    // Without a password the one that is there stays.
    out.set_user({.name = "guest", .description = "A guest"});
    EXPECT_NE(out.shadow().find("guest:!::"), std::string::npos);
    EXPECT_NE(out.passwd().find("guest:x:1000:100:A guest:"), std::string::npos);
}

TEST(Accounts, APasswordIsReadFromShadow) {
    for (const std::string field : {"", "*", "x"}) {
        Accounts out("root:" + field + ":0:0:root:/root:/bin/sh\n", "root:x:0:\n", "");
        out.set_user({.name = "root", .shell = "/bin/ash"});
        EXPECT_EQ(out.passwd(), "root:" + field + ":0:0:root:/root:/bin/ash\n") << "no password was given";
        out.set_user({.name = "root", .password = "$6$y"});
        EXPECT_EQ(out.passwd(), "root:x:0:0:root:/root:/bin/ash\n");
        EXPECT_EQ(out.shadow(), "root:$6$y::0:99999:7:::\n");
    }
}

TEST(Accounts, AccountsExpire) {
    Accounts out = accounts();
    out.set_user({.name = "new", .password = "$6$y", .expiration_day = 20000, .must_change_password = true});
    EXPECT_NE(out.shadow().find("\nnew:$6$y:0:0:99999:7::20000:\n"), std::string::npos);
    out.set_user({.name = "guest", .expiration_day = 0});
    EXPECT_NE(out.shadow().find("\nguest:!::0::::0:\n"), std::string::npos);
    // A line with too few fields is completed, and one that is missing cannot be.
    Accounts odd("root:x:0:0:root:/root:/bin/sh\nb:x:5:0:::\n", "root:x:0:\n", "root:*:1:0\n");
    odd.set_user({.name = "root", .must_change_password = true});
    EXPECT_EQ(odd.shadow(), "root:*:0:0:::::\n");
    EXPECT_THROW(odd.set_user({.name = "b", .expiration_day = 1}), Error);
}

TEST(Accounts, ConflictsAreRefused) {
    Accounts out = accounts();
    EXPECT_THROW(out.set_user({.name = "a", .groups = {"missing"}}), Error);
    EXPECT_THROW(out.set_user({.name = "b", .uid = 1000}), Error);
    EXPECT_THROW(out.set_user({.name = "root", .uid = 5}), Error);
    EXPECT_THROW(out.add_group({.name = "wheel", .gid = 11}), Error);
    EXPECT_THROW(out.add_group({.name = "new", .gid = 10}), Error);
    EXPECT_EQ(out.add_group({.name = "wheel"}), 10U);
    EXPECT_EQ(out.add_group({.name = "wheel", .gid = 10}), 10U);
    EXPECT_EQ(out.add_group({.name = "new", .gid = 12}), 12U);
}

}  // namespace
}  // namespace osb::test

#include "system/etc/account_files.hh"

#include <gtest/gtest.h>

namespace osb::system {
namespace {

constexpr const char* kRoot = "root:x:0:0:root:/root:/bin/sh\n";

std::string join_one(const std::string& file, const std::string& before, const std::string& local,
                     const std::string& now) {
    return join_accounts({{file, before}}, {{file, local}}, {{file, now}}).files[file];
}

TEST(AccountFiles, UsersThatTheImageAddsReachAMachineWithAUserOfItsOwn) {
    const std::string root = kRoot;
    const std::string alice = "alice:x:1000:1000::/home/alice:/bin/sh\n";
    const std::string ntp = "ntp:x:123:123::/var/empty:/sbin/nologin\n";
    EXPECT_EQ(join_one("passwd", root, root + alice, root + ntp), root + alice + ntp);
}

TEST(AccountFiles, AnEntryFollowsTheImageUnlessTheMachineChangedIt) {
    struct Row {
        const char* what;
        const char* before;
        const char* local;
        const char* now;
        const char* result;
    };
    constexpr Row kRows[] = {
        {"changed here", "a:!:1::::::\n", "a:*:1::::::\n", "a:x:2::::::\n", "a:*:1::::::\n"},
        {"changed there", "a:!:1::::::\n", "a:!:1::::::\nb:*:1::::::\n", "a:x:2::::::\n",
         "a:x:2::::::\nb:*:1::::::\n"},
        {"removed there", "a:!:1::::::\n", "a:!:1::::::\nb:*:1::::::\n", "", "b:*:1::::::\n"},
        {"removed there, changed here", "a:!:1::::::\n", "a:*:1::::::\n", "", "a:*:1::::::\n"},
        {"removed here, changed there", "a:!:1::::::\n", "b:*:1::::::\n", "a:x:2::::::\n", "b:*:1::::::\n"},
        {"not an entry", "a:!:1::::::\n", "# mine\na:!:1::::::\nbroken\n\n", "a:x:2::::::\n",
         "# mine\na:x:2::::::\nbroken\n\n"},
        {"no line feed at the end", "a:!:1::::::", "a:!:1::::::\nb:*:1::::::", "a:x:2::::::\n",
         "a:x:2::::::\nb:*:1::::::\n"},
    };
    for (const Row& row : kRows) {
        EXPECT_EQ(join_one("shadow", row.before, row.local, row.now), row.result) << row.what;
    }
}

TEST(AccountFiles, ALockedAccountStaysLocked) {
    EXPECT_EQ(join_one("shadow", "root:$6$a:1:0:::::\n", "root:!$6$a:1:0:::::\n",
                       "root:$6$b:2:0:::::\nntp:!:2::::::\n"),
              "root:!$6$a:1:0:::::\nntp:!:2::::::\n");
}

TEST(AccountFiles, MembersOfGroupsAreJoined) {
    EXPECT_EQ(
        join_one("group", "wheel:x:10:root,old\n", "wheel:x:10:root,old,alice\n", "wheel:x:10:root,ntp\n"),
        "wheel:x:10:root,alice,ntp\n");
    EXPECT_EQ(join_one("group", "wheel:x:10:root,old\n", "wheel:x:10:root\n", "wheel:x:11:root,old,ntp\n"),
              "wheel:x:11:root,ntp\n");
    EXPECT_EQ(
        join_one("gshadow", "wheel:!:root:root\n", "wheel:!:root,alice:root\n", "wheel:!:root:root,ntp\n"),
        "wheel:!:root,alice:root,ntp\n");
}

TEST(AccountFiles, SeveralRangesOfOneUserAreOneEntry) {
    EXPECT_EQ(join_one("subuid", "a:1:9\n", "a:1:9\nb:100:9\nb:200:9\n", "a:1:9\na:20:9\n"),
              "a:1:9\na:20:9\nb:100:9\nb:200:9\n");
}

TEST(AccountFiles, AUserOfTheImageWithATakenNumberGetsAnother) {
    const std::string root = kRoot;
    const JoinedAccounts joined = join_accounts(
        {{"passwd", root}, {"group", "root:x:0:\n"}},
        {{"passwd", root + "alice:x:1000:1000::/:/bin/sh\n"}, {"group", "root:x:0:\nalice:x:1000:\n"}},
        {{"passwd", root + "app:x:1000:1000::/:/bin/sh\nlast:x:100:0::/:/bin/sh\n"},
         {"group", "root:x:0:\napp:x:1000:\n"}});
    EXPECT_EQ(joined.files.at("passwd"), root +
                                             "alice:x:1000:1000::/:/bin/sh\n"
                                             "app:x:101:101::/:/bin/sh\nlast:x:100:0::/:/bin/sh\n");
    EXPECT_EQ(joined.files.at("group"), "root:x:0:\nalice:x:1000:\napp:x:101:\n");
    ASSERT_EQ(joined.notes.size(), 2U);
    EXPECT_EQ(joined.notes[1],
              "the image's user 'app' has the number 1000, which is that of the user 'alice' on this "
              "machine: it gets "
              "101, and files of the image that belong to 1000 belong to 'alice'");
}

TEST(AccountFiles, ANumberThatTheMachineSharesOnPurposeStays) {
    const std::string root = kRoot;
    const std::string toor = "toor:x:0:0::/root:/bin/sh\n";
    const std::string ntp = "ntp:x:123:123::/:/bin/sh\n";
    const JoinedAccounts joined =
        join_accounts({{"passwd", root}}, {{"passwd", toor + root}}, {{"passwd", root + ntp}});
    EXPECT_EQ(joined.files.at("passwd"), toor + root + ntp);
    EXPECT_TRUE(joined.notes.empty());
}

TEST(AccountFiles, OfTwoWithOneNameTheMachinesCounts) {
    const std::string mine = "docker:x:999:alice\n";
    const JoinedAccounts joined =
        join_accounts({{"group", ""}}, {{"group", mine}}, {{"group", "docker:x:102:\n"}});
    EXPECT_EQ(joined.files.at("group"), mine);
    ASSERT_EQ(joined.notes.size(), 1U);
    EXPECT_EQ(joined.notes.front(),
              "the group 'docker' of this machine stays, with the number 999; the image has one of "
              "that name with the number 102");
}

TEST(AccountFiles, WithoutChangesOfTheMachineItIsTheImages) {
    const std::string now = "# of the image\nroot:x:0:0::/:/bin/sh\nbroken\n";
    EXPECT_EQ(join_one("passwd", kRoot, kRoot, now), now);
}

TEST(AccountFiles, FilesThatOneSideLacks) {
    const AccountFiles none;
    const AccountFiles some{{"subuid", "a:1:9\n"}};
    EXPECT_TRUE(join_accounts(some, none, some).files.empty()) << "removed by the machine";
    EXPECT_TRUE(join_accounts(some, some, none).files.empty()) << "removed by the image";
    EXPECT_EQ(join_accounts(none, none, some).files, some) << "added by the image";
    EXPECT_EQ(join_accounts(none, some, none).files, some) << "added by the machine";
}

}  // namespace
}  // namespace osb::system

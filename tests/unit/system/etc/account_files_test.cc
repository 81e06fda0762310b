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
    EXPECT_EQ(join_one("group", "wheel:x:10:root,old\n", "wheel:x:10:root\n", "wheel:x:10:root,old,ntp\n"),
              "wheel:x:10:root,ntp\n");
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

TEST(AccountFiles, AUserOfTheMachineGetsNothingOfAnotherOneWithThatName) {
    const std::string root = kRoot;
    for (const std::string number : {"901", "1001"}) {
        const AccountFiles before{{"passwd", root},
                                  {"group", "root:x:0:\nwheel:x:10:root\n"},
                                  {"gshadow", "wheel:!::root\n"},
                                  {"shadow", "root:*::0:::::\n"},
                                  {"subuid", ""}};
        AccountFiles local = before;
        local["passwd"] += "admin:x:1001:100::/home/admin:/bin/sh\n";
        const AccountFiles now{{"passwd", root + "admin:x:" + number + ":" + number + "::/:/bin/sh\n"},
                               {"group", "root:x:0:\nwheel:x:10:root,admin\nnew:x:11:admin,ntp\n"},
                               {"gshadow", "wheel:!:admin:root,admin\n"},
                               {"shadow", "root:*::0:::::\nadmin:$6$image::0:::::\n"},
                               {"subuid", "admin:100000:65536\n"}};
        const JoinedAccounts joined = join_accounts(before, local, now);
        EXPECT_EQ(joined.files.at("passwd"), local["passwd"]);
        EXPECT_EQ(joined.files.at("group"), "root:x:0:\nwheel:x:10:root\nnew:x:11:ntp\n");
        EXPECT_EQ(joined.files.at("gshadow"), "wheel:!::root\n");
        EXPECT_EQ(joined.files.at("shadow"), "root:*::0:::::\n");
        EXPECT_EQ(joined.files.at("subuid"), "");
        ASSERT_EQ(joined.notes.size(), 1U);
        EXPECT_EQ(
            joined.notes.front(),
            "the user 'admin' of this machine stays, with the number 1001; it gets neither the password "
            "nor the groups of the image's user of that name, which has the number " +
                number);
        // The next image has that user for longer.
        AccountFiles next = now;
        next["group"] += "docker:x:12:admin\n";
        const AccountFiles later = join_accounts(now, joined.files, next).files;
        EXPECT_EQ(later.at("shadow"), "root:*::0:::::\n");
        if (number != "1001") {
            EXPECT_EQ(later.at("group"), joined.files.at("group") + "docker:x:12:\n");
        }
    }
}

TEST(AccountFiles, AUserOfTheMachineKeepsWhatItHas) {
    const AccountFiles before{{"passwd", "a:x:901:1::/:/bin/sh\n"}, {"shadow", "a:!::0:::::\n"}};
    const AccountFiles local{{"passwd", "a:x:1001:1::/:/bin/sh\n"}, {"shadow", "a:!::0:::::\n"}};
    const AccountFiles now{{"passwd", "a:x:901:1::/:/bin/sh\n"}, {"shadow", "a:$6$image::0:::::\n"}};
    EXPECT_EQ(join_accounts(before, local, now).files, local);
}

TEST(AccountFiles, AnAccountKeepsItsNumber) {
    const AccountFiles before{{"passwd", "www:x:33:33:old:/:/bin/sh\n"}, {"group", "www:x:33:\n"}};
    const AccountFiles now{
        {"passwd", "www:x:44:44:new:/:/bin/sh\nntp:x:33:33::/:/bin/sh\nsvc:x:60:44::/:/bin/sh\n"},
        {"group", "www:x:44:\nntp:x:33:\n"}};
    const JoinedAccounts joined = join_accounts(before, before, now);
    EXPECT_EQ(joined.files.at("passwd"),
              "www:x:33:33:new:/:/bin/sh\nntp:x:100:100::/:/bin/sh\nsvc:x:60:33::/:/bin/sh\n");
    EXPECT_EQ(joined.files.at("group"), "www:x:33:\nntp:x:100:\n");
    ASSERT_EQ(joined.notes.size(), 4U);
    EXPECT_EQ(joined.notes[1],
              "the user 'www' keeps its number on this machine, 33; in the new image it has 44");
    AccountFiles local = before;
    local["group"] = "www:x:33:alice\n";
    EXPECT_EQ(join_accounts(before, local, now).files.at("group"), "www:x:33:alice\nntp:x:100:\n");
}

TEST(AccountFiles, ThePrimaryGroupOfAnImagesUserIsMeantByItsName) {
    const std::string root = kRoot;
    const JoinedAccounts joined = join_accounts(
        {{"passwd", root}, {"group", "root:x:0:\n"}},
        {{"passwd", root}, {"group", "root:x:0:\nshared:x:999:alice\n"}},
        {{"passwd", root + "app:x:50:70::/:/bin/sh\n"}, {"group", "root:x:0:\nshared:x:70:\n"}});
    EXPECT_EQ(joined.files.at("passwd"), root + "app:x:50:999::/:/bin/sh\n");
}

TEST(AccountFiles, RangesOfTheImageDoNotOverlapThoseOfTheMachine) {
    const auto join = [](const std::string& local, const std::string& now) {
        return join_accounts({{"subuid", ""}}, {{"subuid", local}}, {{"subuid", now}});
    };
    const JoinedAccounts moved = join("alice:100000:65536\n", "app:100000:65536\nfar:500000:10\n");
    EXPECT_EQ(moved.files.at("subuid"), "alice:100000:65536\napp:500010:65536\nfar:500000:10\n");
    ASSERT_EQ(moved.notes.size(), 1U);
    EXPECT_EQ(moved.notes.front(),
              "the range 100000-165535 of 'app' in the image's /etc/subuid overlaps that of 'alice' on this "
              "machine: it gets 500010-565545");
    const JoinedAccounts full = join("alice:100000:4294867290\n", "app:100000:65536\n");
    EXPECT_EQ(full.files.at("subuid"), "alice:100000:4294867290\n");
    EXPECT_EQ(full.notes.size(), 1U);
    EXPECT_TRUE(join("alice:100000:65536\n", "app:200000:65536\n").notes.empty());
}

TEST(AccountFiles, WithoutChangesOfTheMachineItIsTheImages) {
    const std::string now = "# of the image\nroot:x:0:0::/:/bin/sh\nbroken\n";
    EXPECT_EQ(join_one("passwd", kRoot, kRoot, now), now);
}

TEST(AccountFiles, AFileThatAPowerCutEmptiedIsTheImages) {
    const std::string root = "root:x:0:0::/root:/bin/sh\n";
    const std::string now = root + "ntp:x:100:100::/:/bin/false\n";
    for (const std::string& damaged : {std::string(), std::string(4096, '\0'), std::string("\n\n")}) {
        const JoinedAccounts joined =
            join_accounts({{"passwd", root}}, {{"passwd", damaged}}, {{"passwd", now}});
        EXPECT_EQ(joined.files.at("passwd"), now);
        ASSERT_EQ(joined.notes.size(), 1U);
        EXPECT_NE(joined.notes.front().find("/etc/passwd has no entry"), std::string::npos);
    }
    // Ranges may be emptied on purpose.
    EXPECT_EQ(join_one("subuid", "a:100000:65536\n", "", "a:100000:65536\n"), "");
    // There was nothing to lose.
    EXPECT_TRUE(join_accounts({{"group", ""}}, {{"group", ""}}, {{"group", "a:x:1:\n"}}).notes.empty());
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

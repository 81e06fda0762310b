// Trees that are read from directories, and plans that are applied to them.
#include "system/etc/etc_apply.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.hh"
#include "base/fd.hh"
#include "tests/support/temp_directory.hh"

namespace osb::system {
namespace {

namespace fs = std::filesystem;

class EtcApplyTest : public ::testing::Test {
  protected:
    void SetUp() override {
        for (const char* name : {"before", "local", "now", "deployment/etc"})
            fs::create_directories(top_ / name);
    }

    void write(const std::string& path, const std::string& text) const {
        fs::create_directories(fs::path(top_ / path).parent_path());
        std::ofstream(top_ / path) << text;
    }
    std::string read(const std::string& path) const {
        std::ifstream file(top_ / path);
        return {std::istreambuf_iterator<char>(file), {}};
    }
    bool exists(const std::string& path) const { return fs::exists(fs::symlink_status(top_ / path)); }
    Fd open(const std::string& path) const { return open_at(AT_FDCWD, top_ / path, O_RDONLY | O_DIRECTORY); }
    EtcSide side_of(const std::string& path) const { return read_etc_side(open(path).get()); }
    EtcPlan plan() const { return plan_merge(side_of("before"), side_of("local"), side_of("now")); }
    std::string print(const std::string& path) const {
        return fingerprint(read_etc_tree(open(path).get(), EtcContent::unread));
    }
    std::string replace() const {
        const Fd image = open("now");
        const Fd local = open("local");
        return replace_etc(open("deployment").get(), plan(), {.image = image.get(), .local = local.get()});
    }
    std::size_t update() const {
        const Fd image = open("now");
        const Fd local = open("local");
        return update_etc(open("deployment/etc").get(), plan(), {.image = image.get(), .local = local.get()});
    }
    // Something of everything, and changes on both sides.
    void fill() const {
        for (const char* side : {"before", "local", "now"}) {
            const std::string top = side;
            write(top + "/same", "same");
            write(top + "/d/default", top == "now" ? "2" : "1");
            write(top + "/removed-there", "1");
            write(top + "/group", "root:x:0:\n");
        }
        fs::remove(top_ / "now/removed-there");
        write("local/d/mine", "mine");
        write("local/group", "root:x:0:\nalice:x:1000:\n");
        write("now/group", "root:x:0:\nntp:x:12:\n");
        fs::create_symlink("d/mine", top_ / "local/link");
        ::mkfifo((top_ / "local/fifo").c_str(), 0620);
        ::chmod((top_ / "local/d/mine").c_str(), 04750);
    }
    void expect_result() const {
        EXPECT_EQ(read("deployment/etc/same"), "same");
        EXPECT_EQ(read("deployment/etc/d/default"), "2");
        EXPECT_EQ(read("deployment/etc/d/mine"), "mine");
        EXPECT_EQ(read("deployment/etc/group"), "root:x:0:\nalice:x:1000:\nntp:x:12:\n");
        EXPECT_FALSE(exists("deployment/etc/removed-there"));
        EXPECT_EQ(fs::read_symlink(top_ / "deployment/etc/link"), "d/mine");
        struct stat st {};
        EXPECT_EQ(::stat((top_ / "deployment/etc/d/mine").c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 07777U, 04750U);
        EXPECT_EQ(::stat((top_ / "deployment/etc/fifo").c_str(), &st), 0);
        EXPECT_TRUE(S_ISFIFO(st.st_mode));
        EXPECT_FALSE(exists("deployment/.osb-etc-new"));
    }

    test::TempDirectory top_{test::TempDirectory::in_memory()};
};

TEST_F(EtcApplyTest, ReplacesTheDirectoryAsAWhole) {
    fill();
    write("deployment/etc/left", "over");
    fs::last_write_time(top_ / "deployment", fs::file_time_type{});
    const std::string result = replace();
    EXPECT_EQ(fs::last_write_time(top_ / "deployment"), fs::file_time_type{}) << "the time of the deployment";
    expect_result();
    EXPECT_FALSE(exists("deployment/etc/left"));
    EXPECT_EQ(result, print("deployment/etc"));
    EXPECT_EQ(fs::last_write_time(top_ / "deployment/etc/d/mine"),
              fs::last_write_time(top_ / "local/d/mine"));
}

TEST_F(EtcApplyTest, ARunThatWasInterruptedIsRepeated) {
    fill();
    write("deployment/.osb-etc-new/d/half", "made");
    replace();
    expect_result();
    EXPECT_FALSE(exists("deployment/etc/d/half"));
    fs::rename(top_ / "deployment/etc", top_ / "deployment/.osb-etc-old");
    replace();
    expect_result();
}

TEST_F(EtcApplyTest, AFailureLeavesTheOldOne) {
    fill();
    write("deployment/etc/old", "old");
    const EtcPlan planned = plan();
    fs::remove(top_ / "local/d/mine");
    const Fd image = open("now");
    const Fd local = open("local");
    const Fd deployment = open("deployment");
    EXPECT_THROW(replace_etc(deployment.get(), planned, {.image = image.get(), .local = local.get()}), Error);
    EXPECT_EQ(read("deployment/etc/old"), "old");
    EXPECT_FALSE(exists("deployment/.osb-etc-new"));
}

TEST_F(EtcApplyTest, UpdatesADirectoryInUse) {
    fill();
    write("deployment/etc/left", "over");
    write("deployment/etc/link/was-a-directory", "x");
    write("deployment/etc/d/.osb-etc-1-1", "of a run that was interrupted");
    EXPECT_GT(update(), 0U);
    expect_result();
    EXPECT_FALSE(exists("deployment/etc/left"));
    EXPECT_FALSE(exists("deployment/etc/d/.osb-etc-1-1"));
    EXPECT_EQ(update(), 0U) << "the second time nothing changes";
    fs::remove_all(top_ / "deployment/etc/d");
    write("deployment/etc/d", "was a directory");
    EXPECT_GT(update(), 0U);
    expect_result();
}

TEST_F(EtcApplyTest, LinksAreNeverFollowed) {
    write("outside/file", "outside");
    fill();
    fs::create_symlink(top_ / "outside", top_ / "deployment/etc/d");
    update();
    expect_result();
    EXPECT_EQ(read("outside/file"), "outside");
    EXPECT_FALSE(exists("outside/mine"));
}

TEST_F(EtcApplyTest, AnotherFileOfThatNameIsNotCopied) {
    fill();
    for (const std::string content : {"secret", "mine"}) {
        const EtcPlan planned = plan();
        write("local/secret", content);
        fs::rename(top_ / "local/secret", top_ / "local/d/mine");
        const Fd image = open("now");
        const Fd local = open("local");
        const Fd deployment = open("deployment");
        try {
            replace_etc(deployment.get(), planned, {.image = image.get(), .local = local.get()});
            ADD_FAILURE() << content;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::not_found) << "it is read again";
        }
        EXPECT_FALSE(exists("deployment/etc/d/mine"));
    }
}

TEST_F(EtcApplyTest, TheFingerprintIsKnownBeforeTheSwap) {
    fill();
    const Fd image = open("now");
    const Fd local = open("local");
    std::string early;
    const std::string result =
        replace_etc(open("deployment").get(), plan(), {.image = image.get(), .local = local.get()},
                    [&](const std::string& now) {
                        early = now;
                        EXPECT_FALSE(exists("deployment/etc/same"));
                    });
    EXPECT_EQ(result, early);
}

TEST_F(EtcApplyTest, HolesStayHoles) {
    fill();
    write("local/sparse", "begin");
    constexpr std::uintmax_t kSize = 16UL * 1024 * 1024;
    fs::resize_file(top_ / "local/sparse", kSize);
    replace();
    EXPECT_EQ(fs::file_size(top_ / "deployment/etc/sparse"), kSize);
    struct stat st {};
    EXPECT_EQ(::stat((top_ / "deployment/etc/sparse").c_str(), &st), 0);
    EXPECT_LT(st.st_blocks, 1024);
    EXPECT_EQ(read("deployment/etc/sparse").substr(0, 6), std::string("begin\0", 6));
}

TEST_F(EtcApplyTest, NobodyButRootStopsAMergeByHavingTooMuch) {
    fill();
    write("local/huge", "");
    fs::resize_file(top_ / "local/huge", kMaxEtcFile + 1);
    EXPECT_EQ(side_of("local").tree.count("huge"), 0U) << "and not read";
    std::string deep = "local/user";
    fs::create_directories(top_ / deep);
    for (std::size_t level = 0; level <= kMaxEtcDepth; ++level) deep += "/d";
    write(deep + "/file", "deep");
    if (::geteuid() != 0) GTEST_SKIP() << "other users' directories need root";
    EXPECT_THROW(side_of("local"), Error) << "root's own";
    EXPECT_EQ(::chown((top_ / "local/user").c_str(), 1234, 1234), 0);
    const EtcSide side = side_of("local");
    ASSERT_EQ(side.left_out.size(), 2U);
    for (const std::string& line : side.left_out) EXPECT_NE(line.find(" is left out: "), std::string::npos);
    replace();
    EXPECT_TRUE(exists("deployment/etc/user/d/d"));
    EXPECT_FALSE(exists("deployment/etc/huge"));
}

TEST_F(EtcApplyTest, AFileThatIsWrittenAllTheTime) {
    write("local/log", "one");
    const EtcPlan made = plan();
    std::ofstream(top_ / "local/log", std::ios::app) << "two";
    const Fd image = open("now");
    const Fd local = open("local");
    EtcSources sources{.image = image.get(), .local = local.get()};
    EXPECT_THROW(replace_etc(open("deployment").get(), made, sources), Error) << "as long as it may end";
    sources.takes_changed_content = true;
    replace_etc(open("deployment").get(), made, sources);
    EXPECT_EQ(read("deployment/etc/log"), "onetwo");
    // One that replaces it, as programs do, but not one that fewer may read.
    write("local/other", "three");
    fs::rename(top_ / "local/other", top_ / "local/log");
    replace_etc(open("deployment").get(), made, sources);
    EXPECT_EQ(read("deployment/etc/log"), "three");
    fs::permissions(top_ / "local/log", fs::perms::owner_read);
    EXPECT_THROW(replace_etc(open("deployment").get(), made, sources), Error);
    // One that has gone again.
    fs::remove(top_ / "local/log");
    replace_etc(open("deployment").get(), made, sources);
    EXPECT_FALSE(exists("deployment/etc/log"));
}

TEST_F(EtcApplyTest, TheModeOfADirectoryOnlyFollowsDirectories) {
    write("outside/file", "outside");
    fs::permissions(top_ / "outside", fs::perms::owner_all);
    fs::create_directory_symlink(top_ / "outside", top_ / "link");
    EtcEntry entry;
    entry.type = EtcType::directory;
    entry.mode = S_IFDIR | 0777;
    entry.uid = ::geteuid();
    entry.gid = ::getegid();
    EXPECT_THROW(set_directory_metadata({.directory = open("."), .name = "link"}, entry), Error);
    EXPECT_EQ(fs::status(top_ / "outside").permissions(), fs::perms::owner_all);
}

TEST_F(EtcApplyTest, ExtendedAttributesAreCopied) {
    fill();
    const std::string name = top_ / "local/d/mine";
    if (::lsetxattr(name.c_str(), "trusted.osb", "v", 1, 0) != 0)
        GTEST_SKIP() << "no extended attributes here";
    replace();
    char value[8] = {};
    EXPECT_EQ(::lgetxattr((top_ / "deployment/etc/d/mine").c_str(), "trusted.osb", value, sizeof value), 1);
    EXPECT_EQ(value[0], 'v');
}

TEST_F(EtcApplyTest, TheFingerprintFollowsEveryChange) {
    write("local/d/file", "content");
    std::string before = print("local");
    const auto changed = [&](const char* what) {
        const std::string now = print("local");
        EXPECT_NE(now, before) << what;
        before = now;
    };
    EXPECT_EQ(print("local"), before);
    write("local/new", "");
    changed("a new file");
    write("local/d/file", "other, longer content");
    changed("another size");
    fs::last_write_time(top_ / "local/d/file", fs::file_time_type{});
    changed("another time");
    ::chmod((top_ / "local/d").c_str(), 0700);
    changed("another mode");
    fs::create_symlink("a", top_ / "local/link");
    changed("a link");
    fs::remove(top_ / "local/new");
    changed("a file that is gone");
    write("local/d/temporary", "");
    fs::remove(top_ / "local/d/temporary");
    EXPECT_EQ(print("local"), before) << "the time of a directory is not a change";
}

}  // namespace
}  // namespace osb::system

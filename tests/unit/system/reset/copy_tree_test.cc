// Paths that are kept, and their copies.
#include "system/reset/copy_tree.hh"

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
#include "system/reset/kept_paths.hh"
#include "tests/support/temp_directory.hh"

namespace osb::system {
namespace {

namespace fs = std::filesystem;

class CopyTreeTest : public ::testing::Test {
  protected:
    void SetUp() override {
        for (const char* name : {"from", "to", "root/etc", "root/usr", "var/lib/app", "var/home/me"})
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
    struct stat stat_of(const std::string& path) const {
        struct stat st {};
        EXPECT_EQ(::lstat((top_ / path).c_str(), &st), 0) << path;
        return st;
    }
    void copy(const std::string& path) const {
        const Fd from = open_at(AT_FDCWD, top_ / "from", O_RDONLY | O_DIRECTORY);
        const Fd to = open_at(AT_FDCWD, top_ / "to", O_RDONLY | O_DIRECTORY);
        TreeCopier(from.get(), to.get()).copy(path);
    }
    SystemPlaces places() const { return {.root = top_ / "root", .var = top_ / "var"}; }
    std::vector<std::string> kept(const std::vector<std::string>& paths) const {
        std::vector<std::string> out;
        for (const KeptPath& path : resolve_kept_paths(places(), paths)) out.push_back(path.text());
        return out;
    }

    test::TempDirectory top_{test::TempDirectory::in_memory()};
};

TEST_F(CopyTreeTest, KeepsEverythingOfAFile) {
    write("from/a/b/file", "text");
    ::chmod((top_ / "from/a").c_str(), 0750);
    ::chmod((top_ / "from/a/b/file").c_str(), 04711);
    fs::create_hard_link(top_ / "from/a/b/file", top_ / "from/a/b/same");
    fs::create_symlink("/nowhere", top_ / "from/a/b/link");
    ::mkfifo((top_ / "from/a/b/fifo").c_str(), 0600);
    const bool has_xattrs = ::setxattr((top_ / "from/a/b/file").c_str(), "user.note", "x", 1, 0) == 0;
    {
        std::ofstream sparse(top_ / "from/a/b/sparse");
        sparse.seekp(8L << 20);
        sparse << "end";
    }
    const timespec old[2] = {{.tv_sec = 1000, .tv_nsec = 5}, {.tv_sec = 1000, .tv_nsec = 5}};
    ::utimensat(AT_FDCWD, (top_ / "from/a/b/file").c_str(), old, 0);
    copy("a/b");
    EXPECT_EQ(read("to/a/b/file"), "text");
    EXPECT_EQ(stat_of("to/a").st_mode & 07777U, 0750U) << "a parent that was missing";
    EXPECT_EQ(stat_of("to/a/b/file").st_mode & 07777U, 04711U);
    EXPECT_EQ(stat_of("to/a/b/file").st_mtim.tv_sec, 1000);
    EXPECT_EQ(stat_of("to/a/b/file").st_ino, stat_of("to/a/b/same").st_ino);
    EXPECT_EQ(fs::read_symlink(top_ / "to/a/b/link"), "/nowhere");
    EXPECT_TRUE(S_ISFIFO(stat_of("to/a/b/fifo").st_mode));
    EXPECT_EQ(stat_of("to/a/b/sparse").st_size, (8L << 20) + 3);
    EXPECT_LT(stat_of("to/a/b/sparse").st_blocks, 1000);
    char value = 0;
    if (has_xattrs) {
        EXPECT_EQ(::getxattr((top_ / "to/a/b/file").c_str(), "user.note", &value, 1), 1);
    }
}

TEST_F(CopyTreeTest, ReplacesWhatIsThere) {
    write("from/d/new", "new");
    write("to/d/old", "old");
    copy("d");
    EXPECT_FALSE(fs::exists(top_ / "to/d/old"));
    EXPECT_EQ(read("to/d/new"), "new");
    fs::remove_all(top_ / "from/d");
    write("from/d", "a file now");
    copy("d");
    EXPECT_EQ(read("to/d"), "a file now");
}

TEST_F(CopyTreeTest, DoesNotFollowLinksAndRefusesAFileInTheWay) {
    write("from/a/b", "text");
    write("to/a", "a file");
    EXPECT_THROW(copy("a/b"), Error);
    fs::create_directory_symlink(top_ / "root", top_ / "from/link");
    EXPECT_THROW(copy("link/etc"), Error);
    EXPECT_THROW(copy("missing"), Error);
}

TEST_F(CopyTreeTest, MeasuresFilesOnce) {
    write("from/d/file", std::string(100000, 'x'));
    fs::create_hard_link(top_ / "from/d/file", top_ / "from/d/same");
    const Fd from = open_at(AT_FDCWD, top_ / "from", O_RDONLY | O_DIRECTORY);
    const TreeSize size = measure_tree(from.get(), "d");
    EXPECT_EQ(size.inodes, 2U);
    EXPECT_GE(size.bytes, 100000U);
    EXPECT_LT(size.bytes, 200000U);
}

TEST_F(CopyTreeTest, KeptPathsAreResolvedAsTheSystemDoes) {
    write("root/etc/ssh/key", "k");
    fs::create_symlink("var/home", top_ / "root/home");
    fs::create_symlink("../usr/share/zone", top_ / "root/etc/localtime");
    fs::create_symlink("/etc/ssh", top_ / "var/lib/to-etc");
    using Texts = std::vector<std::string>;
    EXPECT_EQ(kept({"/etc/ssh", "/var/lib/app/"}), (Texts{"/etc/ssh", "/var/lib/app"}));
    EXPECT_EQ(kept({"/home/me"}), Texts{"/var/home/me"});
    EXPECT_EQ(kept({"/home"}), Texts{"/var/home"});
    EXPECT_EQ(kept({"/etc/localtime"}), Texts{"/etc/localtime"}) << "the link itself";
    EXPECT_EQ(kept({"/var/lib/to-etc/key"}), Texts{"/etc/ssh/key"});
    EXPECT_EQ(kept({"/var/lib/app", "/var/lib", "/var/lib"}), Texts{"/var/lib"}) << "once";
    EXPECT_EQ(kept({"//etc/./ssh/../ssh"}), Texts{"/etc/ssh"});
    EXPECT_EQ(kept({}), Texts{});
}

TEST_F(CopyTreeTest, OtherPathsAreRefused) {
    fs::create_symlink("/usr", top_ / "var/lib/out");
    fs::create_symlink("loop", top_ / "var/lib/loop");
    write("root/usr/file", "x");
    const auto kind = [&](const std::string& path) {
        try {
            kept({path});
        } catch (const Error& error) {
            return error.kind();
        }
        return ErrorKind::internal;
    };
    for (const char* path : {"etc/ssh", "", "/", "/var", "/etc/", "/usr/file", "/var/lib/out/file",
                             "/etc/../usr/file", "/../.."})
        EXPECT_EQ(kind(path), ErrorKind::usage) << path;
    EXPECT_EQ(kind("/var/lib/missing"), ErrorKind::not_found);
    EXPECT_EQ(kind("/var/lib/loop/x"), ErrorKind::invalid);
}

}  // namespace
}  // namespace osb::system

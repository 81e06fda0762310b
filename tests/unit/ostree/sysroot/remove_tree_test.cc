// Trees that are removed whatever is in them.
#include "ostree/sysroot/remove_tree.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/fs.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "base/fd.hh"
#include "tests/support/temp_directory.hh"

namespace osb::ostree {
namespace {

namespace fs = std::filesystem;

class RemoveTreeTest : public ::testing::Test {
  protected:
    void remove(const std::string& name) const {
        const Fd top = open_at(AT_FDCWD, top_.path(), O_RDONLY | O_DIRECTORY);
        remove_tree(top.get(), name);
        EXPECT_FALSE(fs::exists(fs::symlink_status(top_ / name)));
    }
    test::TempDirectory top_{test::TempDirectory::in_memory()};
};

TEST_F(RemoveTreeTest, RemovesFilesLinksAndDirectories) {
    fs::create_directories(top_ / "outside");
    std::ofstream(top_ / "outside/file") << "stays";
    fs::create_directories(top_ / "tree/a/b");
    std::ofstream(top_ / "tree/a/file") << "x";
    fs::create_directory_symlink(top_ / "outside", top_ / "tree/a/link");
    ::mkfifo((top_ / "tree/fifo").c_str(), 0600);
    ::chmod((top_ / "tree/a").c_str(), 0);
    remove("tree");
    EXPECT_TRUE(fs::exists(top_ / "outside/file"));
    fs::create_directory_symlink(top_ / "outside", top_ / "link");
    remove("link");
    EXPECT_TRUE(fs::exists(top_ / "outside/file"));
    remove("missing");
}

// Deeper than there may be open files.
TEST_F(RemoveTreeTest, RemovesAnyDepth) {
    Fd here = open_at(AT_FDCWD, top_.path(), O_RDONLY | O_DIRECTORY);
    ASSERT_EQ(::mkdirat(here.get(), "tree", 0700), 0);
    here = open_at(here.get(), "tree", O_RDONLY | O_DIRECTORY);
    for (int level = 0; level < 3000; ++level) {
        ASSERT_EQ(::mkdirat(here.get(), "d", 0700), 0);
        here = open_at(here.get(), "d", O_RDONLY | O_DIRECTORY);
    }
    remove("tree");
    EXPECT_TRUE(fs::is_empty(fs::path(top_.path()))) << "nothing is left beside it";
}

TEST_F(RemoveTreeTest, RemovesImmutableFiles) {
    fs::create_directories(top_ / "tree/d");
    std::ofstream(top_ / "tree/d/file") << "x";
    for (const char* name : {"tree/d/file", "tree/d"}) {
        const Fd file = open_at(AT_FDCWD, top_ / name, O_RDONLY);
        const int flags = FS_IMMUTABLE_FL;
        if (::ioctl(file.get(), FS_IOC_SETFLAGS, &flags) != 0) GTEST_SKIP() << "no flags here";
    }
    remove("tree");
}

}  // namespace
}  // namespace osb::ostree

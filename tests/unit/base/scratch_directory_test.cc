#include "base/scratch_directory.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "base/error.hh"
#include "tests/support/temp_directory.hh"

namespace osb {
namespace {

namespace fs = std::filesystem;

class ScratchDirectoryTest : public testing::Test {
  protected:
    static void touch(const fs::path& path) { std::ofstream(path) << "x"; }

    test::TempDirectory temporary_;
    fs::path parent_ = temporary_.path();
};

TEST_F(ScratchDirectoryTest, IsPrivateAndGoesWithItsFiles) {
    fs::path path;
    {
        const ScratchDirectory scratch(parent_);
        path = scratch.path();
        struct stat st {};
        ASSERT_EQ(::stat(path.c_str(), &st), 0);
        EXPECT_EQ(st.st_mode & 07777U, 0700U);
        touch(path / "a");
        touch(path / "b");
    }
    EXPECT_FALSE(fs::exists(path));
    EXPECT_TRUE(fs::is_empty(parent_));
}

TEST_F(ScratchDirectoryTest, RemovesFilesThatStayReadable) {
    const ScratchDirectory scratch(parent_);
    touch(fs::path(scratch.path()) / "a");
    std::ifstream open_file(fs::path(scratch.path()) / "a");
    scratch.remove_files();
    EXPECT_TRUE(fs::is_empty(scratch.path()));
    EXPECT_EQ(open_file.get(), 'x');
}

TEST_F(ScratchDirectoryTest, MissingParentIsAnError) {
    EXPECT_THROW(ScratchDirectory((parent_ / "none").string()), Error);
}

TEST_F(ScratchDirectoryTest, TwoLiveSideBySide) {
    const ScratchDirectory first(parent_);
    touch(fs::path(first.path()) / "a");
    const ScratchDirectory second(parent_);
    EXPECT_NE(first.path(), second.path());
    EXPECT_TRUE(fs::exists(fs::path(first.path()) / "a"));
}

TEST_F(ScratchDirectoryTest, FollowsNoLinkAndTouchesNothingElse) {
    const fs::path victim = parent_ / "victim";
    fs::create_directory(victim);
    touch(victim / "precious");
    fs::create_directory_symlink(victim, parent_ / "osb-oci-scratch-link");
    const ScratchDirectory scratch(parent_);
    EXPECT_TRUE(fs::exists(victim / "precious"));
    EXPECT_TRUE(fs::is_symlink(parent_ / "osb-oci-scratch-link"));
}

TEST_F(ScratchDirectoryTest, AbandonedDirectoriesAreRemoved) {
    const fs::path stale = parent_ / "osb-oci-scratch-stale";
    fs::create_directory(stale);
    touch(stale / "a");
    const ScratchDirectory live(parent_, 0);
    const ScratchDirectory scratch(parent_, 0);
    EXPECT_FALSE(fs::exists(stale));
    EXPECT_TRUE(fs::exists(live.path()));
}

TEST_F(ScratchDirectoryTest, YoungDirectoriesOfOthersAreLeftAlone) {
    fs::create_directory(parent_ / "osb-oci-scratch-young");
    const ScratchDirectory scratch(parent_);
    EXPECT_TRUE(fs::exists(parent_ / "osb-oci-scratch-young"));
}

}  // namespace
}  // namespace osb

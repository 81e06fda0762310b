#include "base/state_file.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.hh"
#include "base/umask_scope.hh"
#include "tests/support/temp_directory.hh"
#include "tests/support/thrown_kind.hh"

namespace osb {
namespace {

mode_t mode_of(const std::string& path) {
    struct stat st {};
    EXPECT_EQ(::stat(path.c_str(), &st), 0) << path;
    return st.st_mode & 07777U;
}

std::size_t files_in(const std::string& path) {
    return static_cast<std::size_t>(
        std::distance(std::filesystem::directory_iterator(path), std::filesystem::directory_iterator()));
}

class StateFileTest : public ::testing::Test {
  protected:
    test::TempDirectory top_;
    const std::string path_ = top_ / "state";
    const Fd directory_ = open_state_directory(path_);
};

TEST_F(StateFileTest, IsReplacedAsAWhole) {
    for (const char* text : {"one", "", "three"}) {
        replace_file(directory_.get(), "file", text);
        EXPECT_EQ(read_regular_file(directory_.get(), "file", 100), text);
        EXPECT_EQ(files_in(path_), 1U);
    }
    // What a power cut left there, or somebody put there.
    std::filesystem::create_symlink(path_ + "/file", path_ + "/.file.new");
    replace_file(directory_.get(), "file", "four");
    replace_file(directory_.get(), "file", "five", "file.other");
    EXPECT_EQ(read_regular_file(AT_FDCWD, path_ + "/file", 4), "five");
    EXPECT_EQ(files_in(path_), 1U);
}

TEST_F(StateFileTest, AllMayReadWhateverTheUmaskIs) {
    const UmaskScope narrow(0077);
    const std::string other = top_ / "other";
    const Fd directory = open_state_directory(other);
    replace_file(directory.get(), "file", "x");
    EXPECT_EQ(mode_of(other), 0755U);
    EXPECT_EQ(mode_of(other + "/file"), 0644U);
    ::chmod(other.c_str(), 0700);
    static_cast<void>(open_state_directory(other));
    EXPECT_EQ(mode_of(other), 0755U);
    ::chmod(other.c_str(), 0775);
    static_cast<void>(open_state_directory(other));
    EXPECT_EQ(mode_of(other), 0775U);
}

TEST_F(StateFileTest, WhatIsNoDirectory) {
    std::filesystem::create_symlink(path_, top_ / "link");
    EXPECT_EQ(test::thrown_kind([&] { open_state_directory(top_ / "link"); }), ErrorKind::io);
    EXPECT_EQ(test::thrown_kind([&] { open_state_directory(top_ / "none/state"); }), ErrorKind::not_found);
}

TEST_F(StateFileTest, IsReadWithABound) {
    replace_file(directory_.get(), "file", "12345");
    EXPECT_EQ(test::thrown_kind([&] { read_regular_file(directory_.get(), "file", 4); }),
              ErrorKind::too_large);
    EXPECT_EQ(test::thrown_kind([&] { read_regular_file(directory_.get(), "none", 4); }),
              ErrorKind::not_found);
    std::filesystem::create_symlink("file", path_ + "/link");
    EXPECT_EQ(test::thrown_kind([&] { read_regular_file(directory_.get(), "link", 9); }), ErrorKind::invalid);
    EXPECT_EQ(test::thrown_kind([&] { read_regular_file(AT_FDCWD, path_, 9); }), ErrorKind::invalid);
}

TEST_F(StateFileTest, IsRemoved) {
    replace_file(directory_.get(), "file", "x");
    remove_file(directory_.get(), "file");
    remove_file(directory_.get(), "file");
    EXPECT_EQ(files_in(path_), 0U);
}

}  // namespace
}  // namespace osb

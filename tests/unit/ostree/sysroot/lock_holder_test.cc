#include "ostree/sysroot/lock_holder.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_directory.hh"

namespace osb::ostree {
namespace {

class LockHolderTest : public ::testing::Test {
  protected:
    void note(const std::string& text) const {
        std::filesystem::create_directories(directory_ / "osb-oci");
        std::ofstream(path_) << text;
    }

    test::TempDirectory directory_;
    std::string path_ = directory_ / "osb-oci" + "/lock-holder";
};

TEST_F(LockHolderTest, IsDescribedWhileItLasts) {
    {
        const LockHolder holder(path_);
        const std::string text = describe_lock_holder(path_);
        EXPECT_NE(text.find("ostree_tests"), std::string::npos) << text;
        EXPECT_NE(text.find(" (process " + std::to_string(::getpid()) + ", for "), std::string::npos) << text;
    }
    EXPECT_FALSE(std::filesystem::exists(path_));
    EXPECT_EQ(describe_lock_holder(path_), "another program");
}

TEST_F(LockHolderTest, AnotherProcessOfThatNumberIsNotIt) {
    note(std::to_string(::getpid()) + " 1700000000 osb-oci upgrade\n");
    EXPECT_EQ(describe_lock_holder(path_), "another program");
}

TEST_F(LockHolderTest, WhatIsMalformedCountsForNothing) {
    for (const char* text :
         {"", "x", "1", "1 2", "-1 5 osb-oci", "0 0 \n", "99999999999999999999 1 a", "\x1b[31m 1 a"}) {
        note(text);
        EXPECT_EQ(describe_lock_holder(path_), "another program") << text;
    }
}

}  // namespace
}  // namespace osb::ostree

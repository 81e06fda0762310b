// SYSLINUX's boot-once, in its own file. That the loader starts what is written, and clears it, is shown by
// tests/system/boot_once.py.
#include "system/trial/boot_once.hh"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iterator>

#include "base/error.hh"
#include "image/boot/syslinux.hh"
#include "tests/support/temp_directory.hh"

namespace osb::system {
namespace {

class BootOnceTest : public ::testing::Test {
  protected:
    void SetUp() override {
        std::filesystem::create_directory(boot_ / "extlinux");
        write(image::find_syslinux().loader);
    }
    std::string path() const { return boot_ / "extlinux/ldlinux.sys"; }
    void write(const std::string& bytes) const { std::ofstream(path(), std::ios::binary) << bytes; }
    std::string bytes() const {
        std::ifstream file(path(), std::ios::binary);
        return {std::istreambuf_iterator<char>(file), {}};
    }

    test::TempDirectory boot_;
};

TEST_F(BootOnceTest, IsSetAndCleared) {
    EXPECT_EQ(read_boot_once(boot_.path()), "");
    set_boot_once(boot_.path(), "trial");
    EXPECT_EQ(read_boot_once(boot_.path()), "trial");
    clear_boot_once(boot_.path(), "another");
    EXPECT_EQ(read_boot_once(boot_.path()), "trial");
    clear_boot_once(boot_.path(), "trial");
    EXPECT_EQ(read_boot_once(boot_.path()), "");
}

TEST_F(BootOnceTest, NothingButTheTwoSectorsChanges) {
    const std::string before = bytes();
    set_boot_once(boot_.path(), "trial");
    const std::string after = bytes();
    ASSERT_EQ(before.size(), after.size());
    EXPECT_EQ(before.substr(0, before.size() - 1024), after.substr(0, after.size() - 1024));
    EXPECT_EQ(after.substr(after.size() - 1024, 512), after.substr(after.size() - 512));
    clear_boot_once(boot_.path(), "trial");
    EXPECT_EQ(parse_boot_once(bytes().substr(after.size() - 1024)), "");
}

TEST_F(BootOnceTest, TheOtherCopyServesWhenOneIsDamaged) {
    set_boot_once(boot_.path(), "trial");
    std::string damaged = bytes();
    damaged[damaged.size() - 1024 + 20] ^= 1;
    write(damaged);
    EXPECT_EQ(read_boot_once(boot_.path()), "trial");
    damaged[damaged.size() - 512 + 20] ^= 1;
    write(damaged);
    EXPECT_EQ(read_boot_once(boot_.path()), "");
}

TEST_F(BootOnceTest, WhatElseTheLoaderKeepsStays) {
    const std::string saved = make_boot_once(std::string(1024, '\0'), "x");
    std::string vector = saved;
    vector[8] = 2;  // the menu's label, as MENU SAVE has it
    vector[520] = 2;
    std::string file = bytes();
    // Its checksum is that of tag 1.
    EXPECT_EQ(parse_boot_once(vector), "");
    for (const std::size_t at : {std::size_t{4}, std::size_t{516}})
        vector[at] = static_cast<char>(vector[at] - 1);
    write(file.replace(file.size() - 1024, 1024, vector));
    set_boot_once(boot_.path(), "trial");
    clear_boot_once(boot_.path(), "trial");
    EXPECT_EQ(bytes().substr(file.size() - 1024, 16), vector.substr(0, 16));
}

TEST_F(BootOnceTest, AFileWithoutAVectorIsRefused) {
    write("short");
    EXPECT_THROW(read_boot_once(boot_.path()), Error);
    std::filesystem::remove(path());
    try {
        set_boot_once(boot_.path(), "trial");
        FAIL() << "was set";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::not_found);
    }
}

TEST_F(BootOnceTest, ALabelThatDoesNotFitIsRefused) {
    EXPECT_THROW(set_boot_once(boot_.path(), std::string(256, 'x')), Error);
    EXPECT_EQ(read_boot_once(boot_.path()), "");
}

}  // namespace
}  // namespace osb::system

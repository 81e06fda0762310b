#include "system/upgrade/fetched_image.hh"

#include <gtest/gtest.h>
#include <unistd.h>

#include "image/deployment/origin.hh"
#include "system/deploy/deploy.hh"
#include "tests/support/test_sysroot.hh"

namespace osb::system {
namespace {

constexpr const char* kImage = "ostree-unverified-registry:quay.io/x/os:1";
constexpr const char* kFile = "ostree/osb-oci/fetched.json";

class FetchedImageTest : public ::testing::Test {
  protected:
    void SetUp() override {
        if (::geteuid() != 0) GTEST_SKIP() << "deployments need root";
        commit_ = disk_.add_commit("2", "kernel", image::image_ref(kImage).text());
        disk_.install(disk_.add_commit("1"), "[origin]\n");
    }
    std::optional<FetchedImage> read() const {
        return read_fetched_image(ostree::Sysroot::open(disk_.path()));
    }

    test::TestSysroot disk_;
    std::optional<ostree::CommitId> commit_;
    const std::string digest_ = "sha256:" + std::string(64, 'a');
};

TEST_F(FetchedImageTest, IsRemembered) {
    EXPECT_FALSE(read());
    write_fetched(
        ostree::Sysroot::open_locked(disk_.path()),
        {.image = kImage, .digest = digest_, .commit = *commit_, .version = "2\n\x1b", .time = 1234});
    const auto found = read();
    ASSERT_TRUE(found);
    EXPECT_EQ(found->image, kImage);
    EXPECT_EQ(found->digest, digest_);
    EXPECT_EQ(found->commit, commit_);
    EXPECT_EQ(found->version, "2\n\x1b");
    EXPECT_EQ(found->time, 1234U);
}

TEST_F(FetchedImageTest, OnlyWhileTheRefNamesTheCommit) {
    const ostree::Sysroot sysroot = ostree::Sysroot::open_locked(disk_.path());
    write_fetched(sysroot,
                  {.image = kImage, .digest = digest_, .commit = *commit_, .version = "", .time = 0});
    ASSERT_TRUE(read());
    disk_.add_commit("3", "kernel", image::image_ref(kImage).text());
    EXPECT_FALSE(read());
}

TEST_F(FetchedImageTest, WhatIsMalformedIsNothing) {
    const ostree::Sysroot sysroot = ostree::Sysroot::open_locked(disk_.path());
    write_fetched(sysroot,
                  {.image = kImage, .digest = digest_, .commit = *commit_, .version = "", .time = 0});
    const std::string good = disk_.read(kFile);
    const auto changed = [&](const std::string& what, const std::string& by) {
        std::string text = good;
        text.replace(text.find(what), what.size(), by);
        disk_.write(kFile, text);
        return read().has_value();
    };
    EXPECT_TRUE(changed("\"time\"", " \"time\""));
    EXPECT_FALSE(changed("\"time\"", "\"tim\""));
    EXPECT_FALSE(changed(": 0", ": -1"));
    EXPECT_FALSE(changed(": 0", ": \"0\""));
    EXPECT_FALSE(changed("sha256:", "md5:"));
    EXPECT_FALSE(changed(concat(*commit_), std::string(64, '0')));
    EXPECT_FALSE(changed("quay.io", "quay.io@"));
    EXPECT_FALSE(changed("{", "["));
    disk_.write(kFile, "");
    EXPECT_FALSE(read());
    disk_.write(kFile, std::string(100'000, ' ') + good);
    EXPECT_FALSE(read());
}

}  // namespace
}  // namespace osb::system

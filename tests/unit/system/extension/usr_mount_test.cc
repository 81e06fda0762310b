#include "system/extension/usr_mount.hh"

#include <gtest/gtest.h>

#include "base/error.hh"

namespace osb::system {
namespace {

constexpr const char* kMountinfo =
    "22 1 254:2 /ostree/deploy/default/deploy/aa.0 / rw,relatime shared:1 - ext4 /dev/vda2 rw\n"
    "23 22 254:2 /ostree/deploy/default/deploy/aa.0/usr /usr ro,relatime - ext4 /dev/vda2 rw\n"
    "24 23 0:30 / /usr ro,relatime - overlay osb-extensions ro,lowerdir=100:101\n"
    "25 24 0:31 / /usr rw,relatime - overlay osb-usr-overlay rw,lowerdir=100:101\n"
    "26 25 0:32 / /usr/share/a\\040b rw - tmpfs none rw\n"
    "27 22 0:33 / /usrlocal rw - tmpfs osb-extensions rw\n";

TEST(UsrMount, MountsOnAPathInTheirOrder) {
    const std::vector<MountPoint> mounts = mounts_on(kMountinfo, "/usr");
    ASSERT_EQ(mounts.size(), 3U);
    EXPECT_EQ(mounts[0].type, "ext4");
    EXPECT_EQ(mounts[0].source, "/dev/vda2");
    EXPECT_EQ(mounts[2].source, "osb-usr-overlay");
    EXPECT_TRUE(mounts_on(kMountinfo, "/us").empty());
}

TEST(UsrMount, MountsBelowAPathAreUnescaped) {
    EXPECT_EQ(mounts_below(kMountinfo, "/usr"), std::vector<std::string>{"/usr/share/a b"});
}

TEST(UsrMount, MalformedLinesAreSkipped) {
    for (const char* text : {"", "\n\n", "1 2 3", " - ", "1 2 3 / /usr - ", "1 2 3 / /usr", "1 2 3 / - x y"})
        EXPECT_TRUE(mounts_on(text, "/usr").empty()) << text;
    EXPECT_EQ(mounts_on("1 2 3 / /usr x - overlay", "/usr").size(), 1U);
    EXPECT_EQ(mounts_on("1 2 3 / /usr\\04 x - t s", "/usr\\04").size(), 1U);
}

TEST(UsrMount, OnlyOverlaysOfOursOnTopAreCounted) {
    EXPECT_EQ(count_own_overlays(mounts_on(kMountinfo, "/usr")), 2U);
    EXPECT_EQ(count_own_overlays(mounts_on(kMountinfo, "/usrlocal")), 0U);  // not an overlay
    EXPECT_EQ(count_own_overlays({{"/usr", "overlay", "osb-extensions"}, {"/usr", "overlay", "overlay"}}),
              0U);
    EXPECT_EQ(count_own_overlays({}), 0U);
}

TEST(UsrMount, OptionsNameDescriptors) {
    EXPECT_EQ(
        overlay_options({.source = kExtensionsSource, .layers = {"/b", "/a"}, .writable_directory = ""}),
        "lowerdir=100:101:102");
    EXPECT_EQ(overlay_options({.source = kUsrOverlaySource, .layers = {}, .writable_directory = "/var/w"}),
              "lowerdir=100,upperdir=101/upper,workdir=101/work");
}

TEST(UsrMount, OptionsOfTheMostLayersFitIntoAPage) {
    const UsrOverlay most{.source = kUsrOverlaySource,
                          .layers = std::vector<std::string>(kMaxUsrLayers, std::string(4000, 'x')),
                          .writable_directory = "/var/w"};
    EXPECT_LT(overlay_options(most).size(), 4096U);
}

TEST(UsrMount, TooManyLayersAreRefused) {
    const UsrOverlay more{.source = kExtensionsSource,
                          .layers = std::vector<std::string>(kMaxUsrLayers + 1, "/x"),
                          .writable_directory = ""};
    try {
        mount_on_usr(MountNamespace::current(), more, false);
        ADD_FAILURE() << "mounted";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::too_large);
    }
}

}  // namespace
}  // namespace osb::system

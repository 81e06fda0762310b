#include "image/install/disk_sizes.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <utility>

#include "image/disk/byte_size.hh"
#include "image/ext4/ext4_writer.hh"

namespace osb::image {
namespace {

void add_system(FileTree& tree, const std::string& name, std::size_t files, std::size_t size) {
    const InodeId top = tree.add_directory(0, name, {.mode = 0755});
    for (std::size_t i = 0; i < files; ++i) {
        tree.add_file(top, std::to_string(i), {.mode = 0644}, Content::of(std::string(size, 'x')));
    }
}

FileTree tree_of(std::size_t systems, std::size_t files, std::size_t size) {
    FileTree out({.mode = 0755});
    for (std::size_t i = 0; i < systems; ++i) add_system(out, "system-" + std::to_string(i), files, size);
    return out;
}

// Many small files take blocks, not bytes.
TEST(DiskSizes, RootHoldsThreeDifferentSystems) {
    for (const auto& [files, size] :
         {std::pair<std::size_t, std::size_t>{10, 2 * kMebibyte}, {20000, 10}, {3, 1}}) {
        const FileTree one = tree_of(1, files, size);
        const FileTree three = tree_of(3, files, size);
        // A disk of three has inodes for nine: that many are not needed.
        const std::uint64_t unneeded = 3 * 256 * (three.inodes().size() - one.inodes().size());
        EXPECT_GE(upgradable_root_size(one) + unneeded, ext4_size_for(three, 32 * kMebibyte)) << files;
        EXPECT_GE(usual_root_size(one) + unneeded, ext4_size_for(three, 256 * kMebibyte)) << files;
        EXPECT_LE(least_root_size(one), upgradable_root_size(one));
    }
}

TEST(DiskSizes, BootHoldsThreeDifferentKernels) {
    for (const std::uint64_t kernel : {kMebibyte / 3, 20 * kMebibyte, 200 * kMebibyte}) {
        const FileTree one = tree_of(1, 2, kernel / 2);
        // A quarter larger each.
        const FileTree three = tree_of(3, 2, kernel / 2 + kernel / 8);
        EXPECT_GE(least_boot_size(one, kernel), ext4_size_for(three, kMebibyte)) << kernel;
        EXPECT_EQ(usual_boot_size(one, kernel), std::max(256 * kMebibyte, least_boot_size(one, kernel)));
    }
}

}  // namespace
}  // namespace osb::image

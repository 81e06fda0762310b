// A small file of images that were not fetched; image_packages_test.cc has more cases.
#include "system/upgrade/image_file.hh"

#include <gtest/gtest.h>

#include <array>

#include "tests/support/memory_image.hh"
#include "tests/support/tar_builder.hh"
#include "tests/support/temp_directory.hh"

namespace osb::system {
namespace {

using test::TarBuilder;

constexpr std::array<std::string_view, 2> kReleases{"etc/os-release", "usr/lib/os-release"};

class FindImageFile : public ::testing::Test {
  protected:
    std::string find(const std::vector<TarBuilder>& layers, std::size_t limit = 100) const {
        std::vector<test::MemoryLayer> out;
        out.reserve(layers.size());
        for (const TarBuilder& layer : layers) out.push_back({layer.finish()});
        const test::MemoryImage image = test::make_image(out);
        const ImageFile file =
            find_image_file(repository_, image.image,
                            {.names = kReleases, .start = "", .limit = limit, .what = "os-release file"});
        return file.content.value_or("(" + file.reason + ")");
    }

    test::TempDirectory directory_;
    ostree::Repository repository_ =
        ostree::Repository::create(directory_ / "repo", ostree::RepoMode::archive);
};

TEST_F(FindImageFile, TheUppermostLayerCounts) {
    EXPECT_EQ(find({TarBuilder().file("usr/lib/os-release", "ID=a\n")}), "ID=a\n");
    EXPECT_EQ(find({TarBuilder().file("usr/lib/os-release", "ID=a\n"),
                    TarBuilder().file("./etc/os-release", "ID=b\n"), TarBuilder().file("x", "y")}),
              "ID=b\n");
}

TEST_F(FindImageFile, LinksAreNotFollowed) {
    EXPECT_EQ(find({TarBuilder()
                        .symlink("etc/os-release", "../usr/lib/os-release")
                        .file("usr/lib/os-release", "ID=a\n")}),
              "ID=a\n");
}

TEST_F(FindImageFile, AnImageWithout) {
    EXPECT_EQ(find({TarBuilder().file("etc/os-release.old", "x")}), "(the image has no os-release file)");
    EXPECT_EQ(find({TarBuilder().file("etc/os-release", "x"), TarBuilder().file("etc/.wh.os-release", "")}),
              "(the image has no os-release file)");
}

TEST_F(FindImageFile, ALargeFileIsNotRead) {
    EXPECT_EQ(find({TarBuilder().file("etc/os-release", std::string(101, 'x'))}),
              "(os-release file is too large)");
}

}  // namespace
}  // namespace osb::system

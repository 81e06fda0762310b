// apk's database in images that were not fetched.
#include "system/upgrade/image_packages.hh"

#include <gtest/gtest.h>

#include "base/error.hh"
#include "ostree/import/import.hh"
#include "tests/support/memory_image.hh"
#include "tests/support/tar_builder.hh"
#include "tests/support/temp_directory.hh"

namespace osb::system {
namespace {

using test::make_image;
using test::MemoryImage;
using test::TarBuilder;

const std::string kDatabase = "C:Q1x\nP:musl\nV:1\n\n";
const std::string kNewer = "C:Q1x\nP:musl\nV:2\n\n";

class FindPackages : public ::testing::Test {
  protected:
    static MemoryImage image_of(const std::vector<TarBuilder>& layers) {
        std::vector<test::MemoryLayer> out;
        out.reserve(layers.size());
        for (const TarBuilder& layer : layers) out.push_back({layer.finish()});
        return make_image(out);
    }
    ImagePackages find(const MemoryImage& image) const { return find_packages(repository_, image.image); }
    std::string version(const MemoryImage& image) const {
        const ImagePackages found = find(image);
        return found.packages ? found.packages->at("musl") : "(" + found.reason + ")";
    }

    test::TempDirectory directory_;
    ostree::Repository repository_ =
        ostree::Repository::create(directory_ / "repo", ostree::RepoMode::archive);
};

TEST_F(FindPackages, TheUppermostLayerCounts) {
    const MemoryImage image =
        image_of({TarBuilder().file("lib/apk/db/installed", kDatabase),
                  TarBuilder().file("./lib/apk/db/installed", kNewer), TarBuilder().file("a", "b")});
    EXPECT_EQ(version(image), "2");
}

TEST_F(FindPackages, WhereAMergedRootHasIt) {
    EXPECT_EQ(version(image_of({TarBuilder().file("usr/lib/apk/db/installed", kDatabase)})), "1");
}

TEST_F(FindPackages, AnImageWithout) {
    EXPECT_EQ(version(image_of({TarBuilder().file("var/lib/dpkg/status", "x")})),
              "(the image has no apk database)");
}

TEST_F(FindPackages, Whiteouts) {
    const TarBuilder below = TarBuilder().file("lib/apk/db/installed", kDatabase);
    for (const char* name :
         {"lib/apk/db/.wh.installed", "lib/apk/.wh.db", ".wh.lib", "lib/apk/.wh..wh..opq"}) {
        EXPECT_EQ(version(image_of({below, TarBuilder().file(name, "")})), "(the image has no apk database)")
            << name;
        EXPECT_EQ(
            version(image_of({below, TarBuilder().file(name, "").file("lib/apk/db/installed", kNewer)})), "2")
            << name;
    }
    for (const char* name : {"lib/.wh.ap", "lib/apk/db/.wh.installed2", "etc/.wh..wh..opq"}) {
        EXPECT_EQ(version(image_of({below, TarBuilder().file(name, "")})), "1") << name;
    }
}

TEST_F(FindPackages, OfLayersThatAreKnownNothingIsRead) {
    const MemoryImage image =
        image_of({TarBuilder().file("lib/apk/db/installed", kDatabase), TarBuilder().file("a", "b")});
    NoProgress progress;
    ostree::ImportOptions options;
    options.ref = ostree::RefName::parse("os/test");
    options.layout = ostree::Layout::plain;
    ostree::import_image(repository_, image.image, options, progress);
    const unsigned before = image.source->opened;
    const ImagePackages found = find(image);
    ASSERT_TRUE(found.packages);
    EXPECT_EQ(found.packages->at("musl"), "1");
    EXPECT_EQ(image.source->opened, before);
    EXPECT_EQ(found.bytes_read, 0U);
}

TEST_F(FindPackages, KnownLayersThatHideIt) {
    const MemoryImage image = image_of({TarBuilder().file("lib/apk/db/installed", kDatabase),
                                        TarBuilder().file("lib/apk/.wh..wh..opq", "")});
    NoProgress progress;
    ostree::ImportOptions options;
    options.ref = ostree::RefName::parse("os/test");
    options.layout = ostree::Layout::plain;
    ostree::import_image(repository_, image.image, options, progress);
    EXPECT_EQ(version(image), "(the image has no apk database)");
}

TEST_F(FindPackages, ALargeLayerIsNotSearchedToItsEnd) {
    const std::string large(kMaxSearched, 'x');
    const MemoryImage image =
        image_of({TarBuilder().file("bin/large", large).file("lib/apk/db/installed", kDatabase)});
    const ImagePackages found = find(image);
    EXPECT_FALSE(found.packages);
    EXPECT_NE(found.reason.find("16 MiB"), std::string::npos) << found.reason;
    EXPECT_LE(found.bytes_read, kMaxSearched);
    // What comes early is found in a layer of any size.
    EXPECT_EQ(
        version(image_of({TarBuilder().file("lib/apk/db/installed", kDatabase).file("usr/large", large)})),
        "1");
}

TEST_F(FindPackages, DamageIsAnError) {
    MemoryImage image = image_of({TarBuilder().file("lib/apk/db/installed", kDatabase)});
    image.source->layer_blob(0)[150] = '\xff';  // in the header's checksum
    EXPECT_THROW(find(image), Error);
}

}  // namespace
}  // namespace osb::system

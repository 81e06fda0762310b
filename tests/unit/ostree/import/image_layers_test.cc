// The layers of an image, each blob once.
#include "ostree/import/image_layers.hh"

#include <gtest/gtest.h>

#include "tests/support/memory_image.hh"
#include "tests/support/tar_builder.hh"

namespace osb::test {
namespace {

MemoryLayer layer_of(const char* name, oci::Compression compression = oci::Compression::none) {
    return {TarBuilder().file(name, name).finish(), compression};
}

TEST(ImageLayersTest, ABlobThatIsNamedTwiceIsOneLayer) {
    const MemoryImage image = make_image({layer_of("a"), layer_of("b"), layer_of("a")});
    const ostree::ImageLayers layers = ostree::distinct_layers(image.image, 0);
    EXPECT_EQ(layers.distinct.size(), 2U);
    ASSERT_EQ(layers.positions.size(), 3U);
    EXPECT_EQ(layers.at(2).index, 0U) << "its first use";
    EXPECT_EQ(layers.at(1).index, 1U);
}

// Only reading shows whether both unpack to what the config says.
TEST(ImageLayersTest, TwoBlobsWithOneDiffIdAreTwoLayers) {
    const MemoryImage image = make_image({layer_of("a"), layer_of("a", oci::Compression::gzip)});
    EXPECT_EQ(ostree::distinct_layers(image.image, 0).distinct.size(), 2U);
}

TEST(ImageLayersTest, ALayerOfTheBaseThatIsOnTopTooIsTwoLayers) {
    const MemoryImage image = make_image({layer_of("c"), layer_of("a"), layer_of("a")});
    const ostree::ImageLayers layers = ostree::distinct_layers(image.image, 2);
    EXPECT_EQ(layers.distinct.size(), 3U);
    EXPECT_EQ(layers.at(0).kind, ostree::LayerKind::commit);
    EXPECT_EQ(layers.at(1).kind, ostree::LayerKind::objects);
    EXPECT_EQ(layers.at(2).kind, ostree::LayerKind::ordinary);
}

TEST(ImageLayersTest, CountsAndBlobsTellWhatIsToBeRead) {
    const MemoryImage image = make_image({layer_of("a"), layer_of("b"), layer_of("a")});
    ostree::ImageLayers layers = ostree::distinct_layers(image.image, 0);
    EXPECT_EQ(ostree::count_with_content(layers), 0U);
    EXPECT_EQ(ostree::unread_blobs(image.image, layers).size(), 2U);
    layers.at(0).content = std::make_shared<ostree::Layer>(image.image.config.diff_ids[0]);
    EXPECT_EQ(ostree::count_with_content(layers), 2U) << "layers of the manifest, not blobs";
    const auto unread = ostree::unread_blobs(image.image, layers);
    ASSERT_EQ(unread.size(), 1U);
    EXPECT_EQ(unread.front(), &image.image.manifest.layers[1]);
}

TEST(ImageLayersTest, ErrorsCountFromOne) {
    const MemoryImage image = make_image({layer_of("a"), layer_of("b")});
    EXPECT_EQ(ostree::describe_layer(image.image, 1),
              concat("layer 2 of 2 (", image.image.manifest.layers[1].digest.short_string(), ")"));
}

}  // namespace
}  // namespace osb::test

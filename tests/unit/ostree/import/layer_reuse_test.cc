// Layers that an import takes from the repository instead of the image.
#include "ostree/import/layer_reuse.hh"

#include <filesystem>

#include "ostree/import/encapsulated_image.hh"
#include "ostree/objects/repository_handle.hh"
#include "tests/support/chunked_layer.hh"
#include "tests/unit/ostree/encapsulated_fixture.hh"

namespace osb::test {
namespace {

namespace fs = std::filesystem;

// The most entries that an image may have in the tests of the budget; many_files() has more than half of it.
constexpr std::size_t kEntries = 40;

class LayerReuseThreads : public EncapsulatedTest {
  protected:
    // What an import of the image into the repository at `path` would reuse.
    static ostree::ReusedLayers reused(const std::string& path, const oci::Image& image,
                                       ostree::ImageBudget& budget,
                                       ostree::FetchWay way = ostree::FetchWay::layers) {
        ostree::Repository repository = ostree::Repository::open(path);
        ostree::Transaction transaction(repository);
        ostree::ObjectWriter writer(repository);
        ostree::ImageTables tables(image);
        NoProgress progress;
        return ostree::find_reused_layers({.repository = repository,
                                           .image = image,
                                           .tables = tables,
                                           .transaction = transaction,
                                           .writer = writer,
                                           .budget = budget,
                                           .progress = progress,
                                           .way = way,
                                           .threads = 2},
                                          ostree::encapsulated_layers(image));
    }
    static ostree::ReusedLayers reused(const std::string& path, const oci::Image& image) {
        ostree::ImageBudget budget;
        return reused(path, image, budget);
    }

    static void remove_files(const std::string& repository) {
        for (const auto& entry : fs::recursive_directory_iterator(repository + "/objects")) {
            if (entry.path().extension() == ".filez") fs::remove(entry.path());
        }
    }

    static TarBuilder many_files(const char* directory) {
        TarBuilder out;
        for (std::size_t i = 0; i < kEntries / 2 + 1; ++i) out.file(concat(directory, '/', i), directory);
        return out;
    }

    ostree::ImageBudget budget_{ostree::ImageLimits{.max_entries = kEntries}};
};

TEST_F(LayerReuseThreads, OnlyLayersThatWereImported) {
    import(image_of({TarBuilder().file("a", "1")}).image);
    const MemoryImage image = image_of({TarBuilder().file("b", "2"), TarBuilder().file("a", "1")});
    const ostree::ReusedLayers out = reused(repo_path(), image.image);
    EXPECT_EQ(out.layers.at(0).content, nullptr);
    ASSERT_NE(out.layers.at(1).content, nullptr);
    EXPECT_EQ(out.layers.at(1).content->diff_id(), image.image.config.diff_ids[1]);
    EXPECT_EQ(image.source->opened, 0U);
    EXPECT_EQ(out.bytes_read, 0U);
    EXPECT_FALSE(out.base);
}

TEST_F(LayerReuseThreads, OnlyWhatIsReusedIsCharged) {
    const MemoryImage image = image_of({many_files("a")});
    import(image.image);
    EXPECT_EQ(ostree::count_with_content(reused(repo_path(), image.image, budget_).layers), 1U);
    EXPECT_THROW(budget_.take_entries(kEntries / 2), Error);
}

TEST_F(LayerReuseThreads, ALayerThatLacksAnObjectIsGivenBack) {
    const MemoryImage image = image_of({many_files("a")});
    import(image.image);
    remove_files(repo_path());
    EXPECT_EQ(ostree::count_with_content(reused(repo_path(), image.image, budget_).layers), 0U);
    EXPECT_NO_THROW(budget_.take_entries(kEntries));
}

TEST_F(LayerReuseThreads, AFetchedLayerBeyondTheLimitsIsReadWhole) {
    make_quick(repo_path());
    TarBuilder large = many_files("a");
    for (std::size_t i = 0; i < kEntries; ++i) large.file(concat("b/", i), "b");
    const MemoryImage image =
        make_image({chunked_layer(many_files("c").finish()), chunked_layer(large.finish())});
    const auto out = reused(repo_path(), image.image, budget_, ostree::FetchWay::objects);
    EXPECT_NE(out.layers.at(0).content, nullptr);
    EXPECT_EQ(out.layers.at(1).content, nullptr);
    EXPECT_EQ(out.fetched.size(), 1U);
    // Only the layer that was taken is charged.
    EXPECT_NO_THROW(budget_.take_entries(kEntries - out.fetched.front()->entries().size()));
}

TEST_F(LayerReuseThreads, TheBaseIsReusedAsAWhole) {
    make_base({TarBuilder().file("usr/a", "1").file("usr/b", "2").file("sbin/init", "i", 0755)});
    const MemoryImage image = derived({TarBuilder().file("usr/new", "n")});
    import_into_target(image.image);
    const ostree::ReusedLayers all = reused(target(), image.image);
    EXPECT_EQ(ostree::count_with_content(all.layers), image.image.manifest.layers.size());
    ASSERT_TRUE(all.base);
    EXPECT_EQ(all.base->commit.id, commit_);
    EXPECT_NE(all.base->tree.root.child("usr"), nullptr);

    // Without its commit object the others are still known.
    fs::remove(target() + "/objects/" + commit_.substr(0, 2) + '/' + commit_.substr(2) + ".commit");
    const ostree::ReusedLayers rest = reused(target(), image.image);
    EXPECT_FALSE(rest.base);
    EXPECT_EQ(rest.layers.at(0).content, nullptr);
    EXPECT_NE(rest.layers.at(1).content, nullptr);
}

}  // namespace
}  // namespace osb::test

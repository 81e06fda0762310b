// Layers merged into a tree, and the tree laid out: without a repository.
#include "ostree/import/layer_merge.hh"

#include "ostree/import/tree_layout.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

class LayerMergeTest : public ImportTest {
  protected:
    static std::shared_ptr<ostree::Layer> layer_with(const oci::Image& image, std::size_t index,
                                                     const std::vector<std::string>& files) {
        auto out = std::make_shared<ostree::Layer>(image.config.diff_ids[index]);
        for (const std::string& path : files) {
            ostree::LayerEntry& entry = out->entries().emplace_back();
            entry.path = out->keep(path);
            entry.checksum = sha256(as_bytes(concat(index)));
        }
        return out;
    }

    // An image of `count` layers.
    static oci::Image image_with(std::size_t count) {
        std::vector<TarBuilder> layers;
        for (std::size_t i = 0; i < count; ++i) layers.push_back(TarBuilder().file(concat(i), ""));
        return image_of(layers).image;
    }

    static ostree::StoreLink store_link(std::vector<std::string>& stored) {
        return [&stored](std::string_view target, std::uint32_t /*uid*/, std::uint32_t /*gid*/) {
            stored.emplace_back(target);
            return sha256(as_bytes(target));
        };
    }

    ostree::ImageBudget budget_;
};

TEST_F(LayerMergeTest, LaterLayersCountAndWarningsNameTheirLayer) {
    const oci::Image image = image_with(2);
    ostree::ImageLayers layers = ostree::distinct_layers(image, 0);
    layers.at(0).content = layer_with(image, 0, {"a", "b"});
    const auto upper = layer_with(image, 1, {"b"});
    upper->notes().emplace_back("a note");
    layers.at(1).content = upper;
    const ostree::Node root = ostree::merge_layers(image, layers, budget_);
    ASSERT_NE(root.child("a"), nullptr);
    ASSERT_NE(root.child("b"), nullptr);
    EXPECT_EQ(root.child("a")->checksum, sha256(as_bytes(std::string("0"))));
    EXPECT_EQ(root.child("b")->checksum, sha256(as_bytes(std::string("1"))));
    EXPECT_EQ(warnings_, std::vector<std::string>{"layer 2: a note"});
}

TEST_F(LayerMergeTest, ErrorsNameTheLayer) {
    const oci::Image image = image_with(2);
    ostree::ImageLayers layers = ostree::distinct_layers(image, 0);
    layers.at(0).content = layer_with(image, 0, {"a"});
    layers.at(1).content = layer_with(image, 1, {"b", "b/below"});
    try {
        ostree::merge_layers(image, layers, budget_);
        ADD_FAILURE() << "was merged";
    } catch (const Error& error) {
        EXPECT_NE(error.message().find(ostree::describe_layer(image, 1)), std::string::npos)
            << error.message();
    }
}

// The layers see the base as the image shows it.
TEST_F(LayerMergeTest, OnABaseLayersMeetEtcAtItsPlace) {
    const oci::Image image = image_with(2);
    ostree::ImageLayers layers = ostree::distinct_layers(image, 1);
    layers.at(0).content = layer_with(image, 0, {});
    layers.at(1).content = layer_with(image, 1, {"etc/new"});
    ostree::BaseTree base{.root = ostree::Node::directory(), .objects = {}};
    ostree::Node& usr = base.root.set_child("usr", ostree::Node::directory());
    usr.set_child("etc", ostree::Node::directory()).set_child("old", ostree::Node::file({}));
    const ostree::Node root = ostree::merge_onto_base(image, layers, 1, std::move(base), budget_);
    const ostree::Node* const etc = root.child("etc");
    ASSERT_NE(etc, nullptr);
    EXPECT_NE(etc->child("old"), nullptr);
    EXPECT_NE(etc->child("new"), nullptr);
    EXPECT_EQ(root.child("usr")->child("etc"), nullptr);
    EXPECT_EQ(root.child("sysroot"), nullptr) << "what the view adds is gone";
}

TEST_F(LayerMergeTest, ThePlainLayoutTakesTheTreeAsItIs) {
    ostree::Node tree = ostree::Node::directory();
    tree.set_child("bin", ostree::Node::directory()).set_child("sh", ostree::Node::file({}));
    std::vector<std::string> stored;
    const ostree::LaidOutTree out =
        ostree::lay_out(std::move(tree), ostree::Layout::plain, nullptr, store_link(stored), budget_);
    EXPECT_NE(out.root.child("bin")->child("sh"), nullptr);
    EXPECT_EQ(out.root.children().size(), 1U);
    EXPECT_TRUE(stored.empty());
    EXPECT_TRUE(warnings_.empty());
    EXPECT_TRUE(out.notes.empty());
}

TEST_F(LayerMergeTest, TheBootableLayoutStoresItsLinksAndWarns) {
    ostree::Node tree = ostree::Node::directory();
    tree.set_child("bin", ostree::Node::directory()).set_child("sh", ostree::Node::file({}));
    std::vector<std::string> stored;
    const ostree::LaidOutTree out =
        ostree::lay_out(std::move(tree), ostree::Layout::bootable, nullptr, store_link(stored), budget_);
    EXPECT_TRUE(out.root.child("bin")->is_symlink());
    EXPECT_NE(std::find(stored.begin(), stored.end(), "usr/bin"), stored.end());
    EXPECT_EQ(out.kernel, "");
    EXPECT_FALSE(warnings_.empty()) << "there is no kernel";
}

}  // namespace
}  // namespace osb::test

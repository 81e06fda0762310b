// The walk of a tree has an end, whatever its dirtrees say.
#include "ostree/tree/commit_walk.hh"

#include <gtest/gtest.h>
#include <ostree.h>

#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

#include "base/error.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/repository_handle.hh"
#include "tests/support/temp_directory.hh"

namespace osb::test {
namespace {

using ostree::GVariantPtr;

class CommitWalkTest : public testing::Test {
  protected:
    CommitWalkTest() : repository_(ostree::Repository::open_or_create(directory_ / "repo")) {
        meta_ = write(OSTREE_OBJECT_TYPE_DIR_META,
                      g_variant_new("(uuu@a(ayay))", 0U, 0U, GUINT32_TO_BE(0040755U),
                                    g_variant_new_array(G_VARIANT_TYPE("(ayay)"), nullptr, 0)));
    }

    Sha256 write(OstreeObjectType type, GVariant* floating) {
        const GVariantPtr object(g_variant_ref_sink(floating));
        g_autofree guchar* checksum = nullptr;
        EXPECT_TRUE(ostree_repo_write_metadata(repository_.handle().repo.get(), type, nullptr, object.get(),
                                               &checksum, nullptr, nullptr));
        Sha256 out{};
        std::copy(checksum, checksum + out.size(), out.begin());
        return out;
    }

    static GVariant* bytes(const Sha256& checksum) {
        return g_variant_new_fixed_array(G_VARIANT_TYPE_BYTE, checksum.data(), checksum.size(), 1);
    }

    // A dirtree that names `tree` under each of `names`.
    Sha256 above(const Sha256& tree, const std::vector<const char*>& names) {
        GVariantBuilder directories;
        g_variant_builder_init(&directories, G_VARIANT_TYPE("a(sayay)"));
        for (const char* name : names)
            g_variant_builder_add(&directories, "(s@ay@ay)", name, bytes(tree), bytes(meta_));
        return write(OSTREE_OBJECT_TYPE_DIR_TREE,
                     g_variant_new("(@a(say)a(sayay))",
                                   g_variant_new_array(G_VARIANT_TYPE("(say)"), nullptr, 0), &directories));
    }

    TempDirectory directory_;
    ostree::Repository repository_;
    Sha256 meta_{};
};

TEST_F(CommitWalkTest, TreesThatAreNamedTwiceAreWalkedTwice) {
    Sha256 tree = above({}, {});
    for (int i = 0; i < 3; ++i) tree = above(tree, {"a", "b"});
    EXPECT_EQ(ostree::walk_tree(repository_, tree, meta_).directories.size(), 15U);
}

// More children than the walk keeps in memory.
TEST_F(CommitWalkTest, ALargeDirectoryIsWalkedWhereverItIsNamed) {
    constexpr int kFiles = 100'001;
    GVariantBuilder files;
    g_variant_builder_init(&files, G_VARIANT_TYPE("a(say)"));
    for (int i = 0; i < kFiles; ++i)
        g_variant_builder_add(&files, "(s@ay)", std::to_string(1'000'000 + i).c_str(), bytes(meta_));
    const Sha256 large = write(OSTREE_OBJECT_TYPE_DIR_TREE,
                               g_variant_new("(a(say)@a(sayay))", &files,
                                             g_variant_new_array(G_VARIANT_TYPE("(sayay)"), nullptr, 0)));
    const ostree::CommitWalk walk = ostree::walk_tree(repository_, above(large, {"a", "b"}), meta_);
    EXPECT_EQ(walk.directories.size(), 3U);
    ASSERT_EQ(walk.files.size(), 1U);
    ASSERT_EQ(walk.files[0].paths.size(), 2U * kFiles);
    EXPECT_EQ(walk.files[0].paths.front(), "a/1000000");
    EXPECT_EQ(walk.files[0].paths.back(), "b/1100000");
}

TEST_F(CommitWalkTest, ATreeWithoutAnEndIsRefused) {
    Sha256 tree = above({}, {});
    for (int i = 0; i < 60; ++i) tree = above(tree, {"a", "b"});
    try {
        ostree::walk_tree(repository_, tree, meta_);
        ADD_FAILURE() << "walked 2^60 directories";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::too_large);
    }
}

TEST_F(CommitWalkTest, ADamagedDirtreeIsNotAnotherTree) {
    const Sha256 tree = above(above({}, {}), {"usr"});
    const std::string path = directory_ / "repo/objects/" +
                             ostree::loose_path(tree, ostree::ObjectType::dirtree, /*archive=*/true);
    std::ifstream in(path, std::ios::binary);
    std::string bytes{std::istreambuf_iterator<char>(in), {}};
    bytes.replace(bytes.find("usr"), 3, "bin");
    std::filesystem::remove(path);
    std::ofstream(path, std::ios::binary) << bytes;
    try {
        ostree::walk_tree(repository_, tree, meta_);
        ADD_FAILURE() << "walked a damaged dirtree";
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), ErrorKind::digest_mismatch);
    }
}

}  // namespace
}  // namespace osb::test

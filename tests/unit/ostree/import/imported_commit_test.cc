// When the ref's commit is what an import would give, so that there is nothing to do.
#include "ostree/import/imported_commit.hh"

#include "ostree/import/encapsulated_image.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/tree/commit.hh"
#include "tests/unit/ostree/encapsulated_fixture.hh"

namespace osb::test {
namespace {

class ImportedCommitTest : public EncapsulatedTest {
  protected:
    // The present commit of `ref` in the repository at `path`, as the import of the image with these options
    // finds it.
    static std::optional<ostree::ImportedCommit> present(const std::string& path, const oci::Image& image,
                                                         ostree::ImportOptions options) {
        if (!options.ref) options.ref = ostree::RefName::parse("os/test");
        const ostree::Repository repository = ostree::Repository::open(path);
        const ostree::ImportPlan plan = ostree::plan_import(repository, image, options);
        auto found = ostree::find_present_commit(repository, image, plan);
        if (!found && plan.present)
            found = ostree::find_earlier_import(repository, image, plan, *plan.present);
        return found;
    }

    std::optional<ostree::ImportedCommit> present_here(const oci::Image& image,
                                                       const ostree::ImportOptions& options = {}) const {
        return present(repo_path(), image, options);
    }

    std::optional<ostree::ImportedCommit> present_in_target(const oci::Image& image,
                                                            ostree::ImportOptions options = {}) const {
        options.ref = ostree::RefName::parse("os/derived");
        return present(target(), image, options);
    }

    static TarBuilder base_system() {
        TarBuilder tar;
        tar.file("usr/a", "1").file("etc/passwd", "root").file("sbin/init", "init", 0755);
        return tar;
    }
};

TEST_F(ImportedCommitTest, AnEarlierImportOfTheSameImage) {
    const MemoryImage first = image_of({TarBuilder().file("a", "1")});
    const MemoryImage second = image_of({TarBuilder().file("a", "2")});
    make_quick(repo_path());
    EXPECT_FALSE(present_here(first.image)) << "there is no ref";
    const ostree::CommitId parent = import(first.image).commit;
    const ostree::CommitId commit = import(second.image).commit;
    EXPECT_FALSE(present_here(first.image)) << "the ref's commit is another image's";
    const auto found = present_here(second.image);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, commit);
    EXPECT_EQ(found->parent, parent);
    EXPECT_EQ(found->base, std::nullopt);
    EXPECT_TRUE(found->unchanged);
    EXPECT_TRUE(found->found);
}

TEST_F(ImportedCommitTest, LayoutAndParentMustBeAsAskedFor) {
    const MemoryImage image = image_of({TarBuilder().file("a", "2")});
    const std::string parent(import(image_of({TarBuilder().file("a", "1")}).image).commit.text());
    import(image.image);
    EXPECT_FALSE(present_here(image.image, {.layout = ostree::Layout::plain}));
    EXPECT_FALSE(present_here(image.image, {.parent = ostree::Parent::none}));
    EXPECT_TRUE(present_here(image.image, {.parent = ostree::Parent::commit, .parent_commit = parent}));
}

TEST_F(ImportedCommitTest, ACommitThatIsNotWholeIsNotPresent) {
    const MemoryImage image = image_of({TarBuilder().file("a", "1")});
    const std::string commit(import(image.image).commit.text());
    std::ofstream(repo_path() + "/state/" + commit + ".commitpartial") << "f";
    EXPECT_FALSE(present_here(image.image));
}

TEST_F(ImportedCommitTest, TheCommitInsideTheImage) {
    make_base({base_system()});
    const MemoryImage image = derived({});
    import_into_target(image.image);
    const unsigned opened = image.source->opened;
    const auto found = present_in_target(image.image);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->id, commit_);
    EXPECT_EQ(found->base, commit_);
    EXPECT_EQ(image.source->opened, opened) << "no layer is read for that";
    EXPECT_FALSE(present_in_target(image.image, {.layout = ostree::Layout::plain}));
    EXPECT_FALSE(present_in_target(image.image, {.parent = ostree::Parent::none}));
    EXPECT_FALSE(present_in_target(image.image, {.subject = "mine"}));
    EXPECT_FALSE(present_in_target(derived({TarBuilder().file("usr/b", "2")}).image));
}

// An encapsulated image brings a commit whose metadata its author chose.
TEST_F(ImportedCommitTest, MetadataThatLieAreNoEvidence) {
    const MemoryImage good = image_of({TarBuilder().file("usr/su", "good")});
    const ostree::CommitId honest = import(good.image, {.layout = ostree::Layout::plain}).commit;
    ostree::ImportOptions other{.layout = ostree::Layout::plain};
    other.ref = ostree::RefName::parse("os/evil");
    const ostree::CommitId evil_tree =
        import(image_of({TarBuilder().file("usr/su", "evil")}).image, other).commit;
    ostree::Repository repository = ostree::Repository::open(repo_path());
    const ostree::RootChecksums root = ostree::read_root(repository, evil_tree);
    const ostree::GVariantPtr metadata = ostree::metadata_of(ostree::load_commit(repository, honest).get());
    std::optional<ostree::CommitId> evil;
    {
        ostree::Transaction transaction(repository);
        evil = transaction.write_commit(
            ostree::make_commit({.metadata = metadata.get(), .subject = "", .root = {root.tree, root.meta}})
                .get());
        transaction.set_ref(ostree::RefName::parse("os/test"), *evil);
        transaction.commit();
    }
    const ostree::ImportResult result = import(good.image, {.layout = ostree::Layout::plain});
    EXPECT_NE(result.commit, *evil);
    EXPECT_FALSE(result.unchanged);
    EXPECT_EQ(content(list_commit(repo_path(), "os/test"), "/usr/su"), "good");
    const ostree::ImportResult again = import(good.image, {.layout = ostree::Layout::plain});
    EXPECT_EQ(again.commit, result.commit);
    EXPECT_TRUE(again.unchanged);
    EXPECT_EQ(again.bytes_read, 0U);
}

// It has no layer that could hold the commit.
TEST_F(ImportedCommitTest, AnImageWithoutLayersHoldsNoCommit) {
    MemoryImageOptions options;
    options.labels["ostree.commit"] = std::string(64, 'a');
    EXPECT_FALSE(ostree::promised_whole_commit(make_image({}, options).image));
    options.labels["ostree.final-diffid"] = oci::Digest::of({}).to_string();
    EXPECT_THROW(ostree::promised_whole_commit(make_image({}, options).image), Error);
}

// The label is the image's own word: without layers that were read it proves nothing.
TEST_F(ImportedCommitTest, ALabelThatLies) {
    make_base({base_system()});
    import_into_target(derived({}).image);
    MemoryImageOptions options = labels();
    const std::vector<MemoryLayer> evil{{TarBuilder().file("etc/passwd", "evil").finish()}};
    options.labels["ostree.final-diffid"] = diff_id(evil.front());
    const MemoryImage image = make_image(evil, options);
    EXPECT_FALSE(present_in_target(image.image));
    EXPECT_EQ(image.source->opened, 0U);
    // Nor does a label that names another commit than the ref does.
    options = labels();
    options.labels["ostree.commit"] = std::string(64, 'a');
    EXPECT_FALSE(present_in_target(derived({}, options).image));
}

}  // namespace
}  // namespace osb::test

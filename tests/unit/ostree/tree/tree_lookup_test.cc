#include "ostree/tree/tree_lookup.hh"

#include <filesystem>

#include "ostree/objects/object_format.hh"
#include "ostree/tree/commit_walk.hh"
#include "ostree/tree/packages.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

using ostree::Repository;

class TreeLookupTest : public ImportTest {
  protected:
    std::optional<Sha256> find(const std::string& path) {
        return ostree::find_file(Repository::open(repo_path()), result_->commit, path);
    }
    std::optional<ostree::Packages> packages(const TarBuilder& layer) {
        plain({layer});
        return ostree::packages_of_commit(Repository::open(repo_path()), result_->commit);
    }
};

TEST_F(TreeLookupTest, FindsWhatAWalkFinds) {
    plain({TarBuilder()
               .file("a", "1")
               .directory("b")
               .file("b/a", "2")
               .directory("b/c")
               .file("b/c/d", "3")
               .symlink("b/l", "c")
               .file("b.c", "4")});
    for (const ostree::WalkedFile& file :
         ostree::walk_commit(Repository::open(repo_path()), result_->commit).files)
        EXPECT_EQ(find(file.paths.front()), file.checksum) << file.paths.front();
    for (const char* missing : {"", "/", "b", "b/", "b/c", "c", "b/c/e", "b/c/d/e", "b/l/d", "/a", "a/",
                                "b//a", ".", "..", "b/../a"})
        EXPECT_FALSE(find(missing)) << missing;
}

TEST_F(TreeLookupTest, OnlyTheDirectoriesOfThePathAreRead) {
    plain({TarBuilder().directory("opt").file("opt/f", "1").file("lib/apk/db/installed", "P:musl\nV:1\n\n")});
    const auto remove_tree = [&](const std::string& path) {
        const auto walk = ostree::walk_commit(Repository::open(repo_path()), result_->commit);
        std::filesystem::remove(
            repo_path() + "/objects/" +
            ostree::loose_path(ostree::find_directory(walk, path)->tree, ostree::ObjectType::dirtree, true));
    };
    remove_tree("opt");
    const auto packages = ostree::packages_of_commit(Repository::open(repo_path()), result_->commit);
    EXPECT_EQ(packages, (ostree::Packages{{"musl", "1"}}));
    plain({TarBuilder().file("lib/apk/db/installed", "P:musl\nV:1\n\n")});
    remove_tree("lib/apk");
    EXPECT_THROW(ostree::packages_of_commit(Repository::open(repo_path()), result_->commit), Error);
}

TEST_F(TreeLookupTest, PackagesOfEitherPlace) {
    using ostree::Packages;
    EXPECT_FALSE(packages(TarBuilder().file("f", "")));
    EXPECT_EQ(packages(TarBuilder().file("lib/apk/db/installed", "P:a\nV:1\n")), (Packages{{"a", "1"}}));
    EXPECT_EQ(packages(TarBuilder().file("usr/lib/apk/db/installed", "P:b\nV:1\n").symlink("lib", "usr/lib")),
              (Packages{{"b", "1"}}));
    EXPECT_EQ(packages(TarBuilder()
                           .file("usr/lib/apk/db/installed", "P:b\nV:1\n")
                           .file("lib/apk/db/installed", "P:a\nV:1\n")),
              (Packages{{"b", "1"}}));
    EXPECT_FALSE(packages(TarBuilder().symlink("lib/apk/db/installed", "elsewhere")));
    EXPECT_EQ(packages(TarBuilder().file("lib/apk/db/installed", "")), Packages{});
}

}  // namespace
}  // namespace osb::test

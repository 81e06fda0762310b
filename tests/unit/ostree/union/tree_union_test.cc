#include "ostree/union/tree_union.hh"

#include <gtest/gtest.h>

#include "base/error.hh"
#include "base/hash.hh"

namespace osb::ostree {
namespace {

class TreeUnion : public ::testing::Test {
  protected:
    static Node file(const std::string& content) { return Node::file(sha256(as_bytes(content))); }
    static Node link(const std::string& target) {
        return Node::symlink(sha256(as_bytes("l" + target)), target);
    }

    Node& put(PackageTree& tree, const std::string& path, Node node) {
        const std::size_t slash = path.rfind('/');
        Node& directory = slash == std::string::npos
                              ? tree.root
                              : make_directories(tree.root, path.substr(0, slash), budget);
        return directory.set_child(slash == std::string::npos ? path : path.substr(slash + 1),
                                   std::move(node));
    }
    // The content that the tree has at a path; "" for none.
    bool has(const std::string& path, const std::string& content) {
        const Resolved found = look_up(base.root, path, LastLink::keep, budget);
        return found.node != nullptr && found.node->is_file() &&
               found.node->checksum == sha256(as_bytes(content));
    }
    bool missing(const std::string& path) {
        return look_up(base.root, path, LastLink::keep, budget).node == nullptr;
    }
    static void packages(PackageTree& tree, const std::string& installed) {
        tree.database.packages = parse_installed(installed);
        tree.database.directory = "lib/apk/db";
    }
    void join() { join_trees(base, later, report, budget); }
    std::string installed() const { return installed_text(base.database.packages); }

    ImageBudget budget;
    PackageTree base{.name = "base", .root = Node::directory(), .database = {}};
    PackageTree later{.name = "later", .root = Node::directory(), .database = {}};
    UnionReport report;
};

TEST_F(TreeUnion, LaterTreesWinAndConflictsAreNamed) {
    put(base, "etc/same", file("1"));
    put(base, "etc/differs", file("1"));
    put(base, "etc/kept", file("1"));
    put(later, "etc/same", file("1"));
    put(later, "etc/differs", file("2"));
    put(later, "usr/new", file("3"));
    put(later, ".wh.etc", file(""));
    join();
    EXPECT_TRUE(has("etc/differs", "2"));
    EXPECT_TRUE(has("etc/kept", "1"));
    EXPECT_TRUE(has("usr/new", "3"));
    EXPECT_TRUE(has(".wh.etc", ""));  // not a whiteout
    ASSERT_EQ(report.conflict_count, 1U);
    EXPECT_EQ(report.conflicts[0].path, "etc/differs");
    EXPECT_EQ(report.conflicts[0].tree, "later");
}

TEST_F(TreeUnion, DirectoriesMergeThroughLinks) {
    put(base, "usr/lib/old", file("1"));
    put(base, "lib", link("usr/lib"));
    put(base, "home", link("var/home"));
    put(later, "lib/new", file("2"));
    put(later, "home/user/x", file("3"));
    join();
    EXPECT_TRUE(has("usr/lib/old", "1"));
    EXPECT_TRUE(has("usr/lib/new", "2"));
    EXPECT_TRUE(has("var/home/user/x", "3"));
    EXPECT_EQ(report.conflict_count, 0U);
}

TEST_F(TreeUnion, ADirectoryWithContentIsNotReplaced) {
    put(base, "lib/old", file("1"));
    put(later, "lib", link("usr/lib"));
    EXPECT_THROW(join(), Error);
}

TEST_F(TreeUnion, OtherKindsAreConflicts) {
    put(base, "a", file("1"));
    put(base, "b", Node::directory());
    put(base, "c", link("a"));
    put(later, "a/x", file("2"));
    put(later, "b", file("3"));
    put(later, "c/y", file("4"));
    join();
    EXPECT_TRUE(has("a/x", "2"));
    EXPECT_TRUE(has("b", "3"));
    EXPECT_EQ(report.conflict_count, 2U);  // a and b; c led to a, which is a directory now
}

TEST_F(TreeUnion, AReplacedPackageLosesItsOldFiles) {
    packages(base,
             "P:p\nV:1-r0\nF:usr\nF:usr/share/p\nR:old\nR:both\nR:shared\n\nP:q\nV:1-r0\nF:usr/share/"
             "p\nR:shared\n\n");
    for (const char* name : {"old", "both", "shared", "foreign"})
        put(base, std::string("usr/share/p/") + name, file(name));
    put(base, "usr/share/empty", Node::directory());
    packages(later, "P:p\nV:2-r0\nF:usr\nF:usr/share/p\nR:both\n\nP:r\nV:1-r0\n\n");
    put(later, "usr/share/p/both", file("changed"));
    join();
    EXPECT_TRUE(missing("usr/share/p/old"));
    EXPECT_TRUE(has("usr/share/p/both", "changed"));
    EXPECT_TRUE(has("usr/share/p/shared", "shared"));
    EXPECT_TRUE(has("usr/share/p/foreign", "foreign"));
    EXPECT_EQ(report.files_removed, 1U);
    EXPECT_EQ(report.conflict_count, 0U);
    EXPECT_EQ(installed(),
              "P:p\nV:2-r0\nF:usr\nF:usr/share/p\nR:both\n\nP:q\nV:1-r0\nF:usr/share/"
              "p\nR:shared\n\nP:r\nV:1-r0\n\n");
    ASSERT_EQ(report.packages.size(), 2U);
    EXPECT_EQ(report.packages[0].earlier_version, "1-r0");
    EXPECT_EQ(report.packages[1].name, "r");
}

TEST_F(TreeUnion, AnEmptyDirectoryOfAReplacedPackageGoes) {
    packages(base, "P:p\nV:1-r0\nF:usr\nF:usr/share\nF:usr/share/p\nF:usr/share/p/deep\nR:old\n\n");
    put(base, "usr/share/p/deep/old", file("1"));
    packages(later, "P:p\nV:2-r0\nF:usr\nF:usr/share\n\n");
    put(later, "usr/share/x", file("1"));
    join();
    EXPECT_TRUE(missing("usr/share/p"));
    EXPECT_FALSE(missing("usr/share"));
}

TEST_F(TreeUnion, ReplacesDecidesBetweenPackages) {
    packages(base, "P:old\nV:1-r0\nr:less\nF:bin\nR:a\nR:b\nR:c\n\n");
    packages(
        later,
        "P:less\nV:1-r0\nF:bin\nR:a\n\nP:more\nV:1-r0\nr:old\nF:bin\nR:b\n\nP:other\nV:1-r0\nF:bin\nR:c\n\n");
    for (const char* name : {"a", "b", "c"}) {
        put(base, std::string("bin/") + name, file("1"));
        put(later, std::string("bin/") + name, file("2"));
    }
    join();
    EXPECT_TRUE(has("bin/a", "1"));
    EXPECT_TRUE(has("bin/b", "2"));
    EXPECT_TRUE(has("bin/c", "2"));
    ASSERT_EQ(report.conflict_count, 1U);
    EXPECT_EQ(report.conflicts[0].path, "bin/c");
    EXPECT_EQ(report.conflicts[0].package, "other");
    EXPECT_EQ(report.conflicts[0].earlier_package, "old");
    // Each file has one owner, as in apk's database.
    EXPECT_EQ(
        installed(),
        "P:old\nV:1-r0\nr:less\nF:bin\nR:a\n\nP:less\nV:1-r0\nF:bin\n\nP:more\nV:1-r0\nr:old\nF:bin\nR:b\n\n"
        "P:other\nV:1-r0\nF:bin\nR:c\n\n");
}

TEST_F(TreeUnion, OwnersAreFoundThroughAMergedUsr) {
    put(base, "usr/lib/libx.so", file("1"));
    put(base, "lib", link("usr/lib"));
    packages(base, "P:x\nV:1-r0\nF:lib\nR:libx.so\nR:gone\n\n");
    put(base, "usr/lib/gone", file("1"));
    put(later, "lib/libx.so", file("2"));
    packages(later, "P:x\nV:2-r0\nF:lib\nR:libx.so\n\n");
    join();
    EXPECT_TRUE(has("usr/lib/libx.so", "2"));
    EXPECT_TRUE(missing("usr/lib/gone"));
    EXPECT_EQ(report.conflict_count, 0U);
}

TEST_F(TreeUnion, DatabasesAreNotFilesOfTheTree) {
    put(later, "lib/apk/db/installed", file("later"));
    later.database.files.insert("lib/apk/db/installed");
    packages(later, "P:x\nV:1-r0\n\n");
    later.database.world = "x\n";
    join();
    EXPECT_TRUE(missing("lib/apk/db/installed"));
    EXPECT_EQ(base.database.world, "x\n");
    EXPECT_EQ(base.database.directory, "lib/apk/db");
    EXPECT_EQ(base.database.packages.size(), 1U);
}

}  // namespace
}  // namespace osb::ostree

#include "image/ext4/file_tree.hh"

#include <gtest/gtest.h>

#include "base/error.hh"

namespace osb::test {
namespace {

using image::Content;
using image::FileTree;
using image::InodeId;

TEST(FileTree, CountsNames) {
    FileTree tree({.mode = 0755});
    const InodeId a = tree.add_directory(0, "a", {.mode = 0755});
    tree.add_directory(a, "b", {.mode = 0755});
    const InodeId file = tree.add_file(a, "f", {.mode = 0644}, Content::of("x"));
    tree.add_link(0, "g", file);
    EXPECT_EQ(tree.inode(0).links, 3U);
    EXPECT_EQ(tree.inode(a).links, 3U);
    EXPECT_EQ(tree.inode(file).links, 2U);
    EXPECT_EQ(tree.find("a/f"), file);
    EXPECT_EQ(tree.find("g"), file);
    EXPECT_EQ(tree.find("a/f/x"), std::nullopt);
    EXPECT_EQ(tree.find("missing/f"), std::nullopt);
}

TEST(FileTree, RefusesWhatNoDirectoryHolds) {
    FileTree tree({.mode = 0755});
    tree.add_file(0, "f", {.mode = 0644}, Content::of("x"));
    for (const std::string& name : {std::string(), std::string("."), std::string(".."), std::string("a/b"),
                                    std::string("a\0b", 3), std::string(256, 'n'), std::string("f")}) {
        EXPECT_THROW(tree.add_directory(0, name, {}), Error) << name;
    }
    EXPECT_THROW(tree.add_symlink(0, "l", {}, ""), Error);
    EXPECT_THROW(tree.add_symlink(0, "l", {}, std::string(4096, 'x')), Error);
    EXPECT_NO_THROW(tree.add_symlink(0, "l", {}, std::string(4095, 'x')));
    EXPECT_THROW(tree.make_directories("f/below", {}), Error);
    EXPECT_THROW(tree.add_file(*tree.find("f"), "x", {}, Content::of("")), Error);
}

TEST(FileTree, MakesDirectoriesOnce) {
    FileTree tree({.mode = 0755});
    const InodeId deep = tree.make_directories("a/b/c", {.mode = 0700});
    EXPECT_EQ(tree.make_directories("/a//b/c/", {.mode = 0755}), deep);
    EXPECT_EQ(tree.inode(deep).attributes.mode, 0700U);
    EXPECT_EQ(tree.inodes().size(), 4U);
}

TEST(FileTree, TurnsFilesIntoLinks) {
    FileTree tree({.mode = 0755});
    const InodeId one = tree.add_file(0, "one", {.mode = 0644}, Content::of("x"));
    const InodeId two = tree.add_file(0, "two", {.mode = 0644}, Content::of("x"));
    tree.add_link(0, "three", two);
    tree.turn_into_symlink(one, "target");
    EXPECT_EQ(tree.inode(one).kind, image::InodeKind::symlink);
    EXPECT_EQ(tree.inode(one).content.bytes, "target");
    EXPECT_THROW(tree.turn_into_symlink(two, "target"), Error);
    EXPECT_THROW(tree.turn_into_symlink(0, "target"), Error);
}

}  // namespace
}  // namespace osb::test

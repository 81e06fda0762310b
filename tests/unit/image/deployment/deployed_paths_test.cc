#include "image/deployment/deployed_paths.hh"

#include <gtest/gtest.h>

#include <string>

#include "base/error.hh"
#include "tests/unit/image/test_layout.hh"

namespace osb::test {
namespace {

using image::InodeId;
using image::place_path;
using image::PlacedEntry;
using image::SysrootLayout;

class DeployedPaths : public testing::Test {
  protected:
    PlacedEntry place(std::string_view path, bool make_parents = true) {
        return place_path(layout_, path, make_parents, kTime);
    }

    InodeId in_var(std::string_view path) const { return layout_.root.find(path, layout_.var).value(); }
    InodeId in_etc(std::string_view path) const { return layout_.root.find(path, layout_.etc).value(); }

    // Places `path` in the directory `sub` of /etc or /var, which may be new.
    void expect_in(InodeId top, std::string_view sub, std::string_view path) {
        const InodeId found = place(path).directory;
        EXPECT_EQ(layout_.root.find(sub, top), found) << path;
    }

    // The message; nothing was added to the tree.
    std::string refused(std::string_view path, bool make_parents = true) {
        const std::size_t before = layout_.root.inodes().size();
        try {
            place(path, make_parents);
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::invalid) << path;
            EXPECT_EQ(layout_.root.inodes().size(), before) << path;
            return error.message();
        }
        ADD_FAILURE() << "taken: " << path;
        return {};
    }

    SysrootLayout layout_ = test_layout();
};

TEST_F(DeployedPaths, EtcIsTheDeploymentsAndVarTheStateroots) {
    add_directory(layout_, "etc/sub");
    PlacedEntry entry = place("/etc/sub/file");
    EXPECT_EQ(entry.directory, in_etc("sub"));
    EXPECT_EQ(entry.name, "file");
    entry = place("/etc/hostname");
    EXPECT_EQ(entry.directory, layout_.etc);
    entry = place("/var/file");
    EXPECT_EQ(entry.directory, layout_.var);
    entry = place("/var/tmp/file");
    EXPECT_EQ(entry.directory, in_var("tmp"));
    // Not the one that the image has there.
    EXPECT_NE(place("/var/hidden/file").directory, layout_.root.find("var/hidden", layout_.deployment));
}

TEST_F(DeployedPaths, TheLastPartIsNotFollowed) {
    add_symlink(layout_, "etc/link", "/usr/lib/somewhere");
    const PlacedEntry entry = place("/etc/link");
    EXPECT_EQ(entry.directory, layout_.etc);
    EXPECT_EQ(entry.name, "link");
}

TEST_F(DeployedPaths, LinksOfTheRootLeadToVar) {
    const InodeId home = place("/home/core/file").directory;
    EXPECT_EQ(home, in_var("home/core"));
    EXPECT_EQ(layout_.root.inode(home).attributes.mode, 0755U);
    EXPECT_EQ(layout_.root.inode(home).attributes.mtime, kTime);
    EXPECT_EQ(layout_.root.inode(home).attributes.uid, 0U);
    // An absolute target, and one with "..".
    expect_in(layout_.var, "srv/www", "/srv/www/index.html");
    expect_in(layout_.var, "usrlocal/bin", "/usr/local/bin/tool");
    // Root's home is for nobody else to look into, what is in it has the usual mode.
    expect_in(layout_.var, "roothome/.ssh", "/root/.ssh/key");
    EXPECT_EQ(layout_.root.inode(in_var("roothome")).attributes.mode, 0700U);
    EXPECT_EQ(layout_.root.inode(in_var("roothome/.ssh")).attributes.mode, 0755U);
    // What was made once is found.
    const std::size_t before = layout_.root.inodes().size();
    EXPECT_EQ(place("/home/core/other").directory, home);
    EXPECT_EQ(place("/var/home/core/other", false).directory, home);
    EXPECT_EQ(layout_.root.inodes().size(), before);
}

TEST_F(DeployedPaths, LinksInEtc) {
    const InodeId real = add_directory(layout_, "etc/real");
    const InodeId deep = add_directory(layout_, "etc/a/b");
    for (const auto& [name, target] :
         {std::pair("etc/relative", "real"), std::pair("etc/absolute", "/etc/real"),
          std::pair("etc/a/b/up", "../../real"), std::pair("etc/slashes", "//etc///real//"),
          std::pair("etc/dots", "./././real/."), std::pair("etc/chain", "relative"),
          std::pair("etc/far", "../../../../../../etc/real"),
          std::pair("etc/out-and-in", "../usr/../etc/real"), std::pair("etc/to-home", "../home/core")}) {
        add_symlink(layout_, name, target);
    }
    for (const char* path : {"/etc/relative/x", "/etc/absolute/x", "/etc/a/b/up/x", "/etc/slashes/x",
                             "/etc/dots/x", "/etc/chain/x", "/etc/far/x", "/etc/out-and-in/x"}) {
        EXPECT_EQ(place(path, false).directory, real) << path;
    }
    EXPECT_EQ(place("/etc/a/b/up/../a/b/x", false).directory, deep);
    // From /etc through a link to /var.
    expect_in(layout_.var, "home/core", "/etc/to-home/x");
}

TEST_F(DeployedPaths, DotsAreThoseOfTheRunningSystem) {
    EXPECT_EQ(place("/var/../etc/x").directory, layout_.etc);
    EXPECT_EQ(place("/../../etc/x").directory, layout_.etc);
    EXPECT_EQ(place("/etc/./x").directory, layout_.etc);
    EXPECT_EQ(place("//etc//x").directory, layout_.etc);
    EXPECT_EQ(place("/usr/../var/x").directory, layout_.var);
    // ".." of what a link led to, as the kernel has it.
    EXPECT_EQ(place("/home/../x").directory, layout_.var);
    for (const char* path : {"", "/", "//", "/.", "/..", "/etc/.", "/etc/..", "/var/lib/.."}) {
        EXPECT_NE(refused(path).find("does not name a file"), std::string::npos) << path;
    }
}

TEST_F(DeployedPaths, LinksThatLeadNowhereEnd) {
    add_symlink(layout_, "etc/self", "self");
    add_symlink(layout_, "etc/one", "two");
    add_symlink(layout_, "etc/two", "/etc/one");
    add_symlink(layout_, "etc/grows", "grows/grows");
    for (const char* path : {"/etc/self/x", "/etc/one/x", "/etc/grows/x"}) {
        EXPECT_NE(refused(path).find("too many symbolic links"), std::string::npos) << path;
    }
    // As many as Linux follows, and one more.
    add_directory(layout_, "etc/end");
    add_symlink(layout_, "etc/l1", "end");
    for (int i = 2; i <= 41; ++i) {
        add_symlink(layout_, "etc/l" + std::to_string(i), "l" + std::to_string(i - 1));
    }
    expect_in(layout_.etc, "end", "/etc/l40/x");
    EXPECT_NE(refused("/etc/l41/x").find("too many symbolic links"), std::string::npos);
}

TEST_F(DeployedPaths, TheRestOfTheSystemIsReadOnly) {
    add_symlink(layout_, "etc/alternatives", "/usr/bin");
    add_symlink(layout_, "etc/escape", "../../../../../../usr");
    add_symlink(layout_, "etc/sys", "/sysroot");
    for (const char* path :
         {"/x", "/etc", "/var", "/home", "/usr/x", "/usr/bin/x", "/bin/x", "/usr/etc/passwd", "/run/x",
          "/var/run/x", "/dev/x", "/etc/../usr/x", "/etc/alternatives/x", "/etc/escape/x", "/etc/sys/x",
          "/var/../x", "/sysroot/x"}) {
        EXPECT_NE(refused(path).find("is neither in /etc nor in /var"), std::string::npos) << path;
    }
    // Nor are directories made there.
    for (const char* path :
         {"/opt/x", "/usr/new/x", "/run/new/x", "/sysroot/ostree/x", "/etc/escape/new/x"}) {
        EXPECT_NE(refused(path).find("does not exist"), std::string::npos) << path;
    }
}

TEST_F(DeployedPaths, ParentsThatAreMissing) {
    EXPECT_NE(refused("/etc/a/b", false).find("does not exist: 'a'"), std::string::npos);
    EXPECT_NE(refused("/var/a/b/c", false).find("does not exist: 'a'"), std::string::npos);
    EXPECT_NE(refused("/home/core/x", false).find("does not exist: 'home'"), std::string::npos);
    expect_in(layout_.etc, "a/b", "/etc/a/b/c");
    // A link to what is not there: its target is made, as far as that may be done.
    add_symlink(layout_, "etc/dangling", "a/new");
    expect_in(layout_.etc, "a/new", "/etc/dangling/x");
    add_symlink(layout_, "etc/outside", "/opt/new");
    EXPECT_NE(refused("/etc/outside/x").find("does not exist: 'opt'"), std::string::npos);
}

TEST_F(DeployedPaths, FilesAreNoDirectories) {
    add_file(layout_, "etc/file", "text");
    add_symlink(layout_, "etc/to-file", "file");
    for (const char* path : {"/etc/file/x", "/etc/to-file/x", "/etc/file/../x"}) {
        EXPECT_NE(refused(path).find("contains 'file', which is not a directory"), std::string::npos) << path;
    }
}

TEST_F(DeployedPaths, MessagesAreEscaped) {
    EXPECT_EQ(refused("/usr/a\x1b[2J").find('\x1b'), std::string::npos);
    EXPECT_EQ(refused("/usr/a\x1b/x").find('\x1b'), std::string::npos);
}

}  // namespace
}  // namespace osb::test

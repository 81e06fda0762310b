// The record of --config.
#include "image/install/installed_record.hh"

#include <gtest/gtest.h>

#include <string>

namespace osb::image {
namespace {

class InstalledRecordTest : public ::testing::Test {
  protected:
    InstalledRecordTest()
        : layout_{.root = FileTree({.mode = 0755}), .boot = FileTree({.mode = 0755}), .entry = {}} {
        layout_.etc = layout_.root.make_directories("deploy/etc", {.mode = 0755});
        layout_.var = layout_.root.make_directories("var", {.mode = 0755});
        add(layout_.etc, "passwd", "before");
        add(layout_.etc, "same", "same");
        const InodeId level = layout_.root.make_directories("runlevels/default", {.mode = 0750}, layout_.etc);
        layout_.root.add_symlink(level, "crond", {}, "/etc/init.d/crond");
        layout_.root.add_symlink(level, "sshd", {}, "/etc/init.d/sshd");
        layout_.root.make_directories("lib", {.mode = 0755}, layout_.var);
    }

    InodeId add(InodeId directory, const std::string& name, const std::string& text) {
        return layout_.root.add_file(directory, name, {.mode = 0640, .uid = 7}, Content::of(text));
    }
    bool has(const std::string& below) const {
        return layout_.root.find(std::string(kInstalledDirectory) + "/" + below).has_value();
    }
    std::string text(const std::string& below) const {
        const auto found = layout_.root.find(std::string(kInstalledDirectory) + "/" + below);
        return found ? layout_.root.inode(*found).content.bytes : "missing";
    }

    SysrootLayout layout_;
};

TEST_F(InstalledRecordTest, HasWhatWasChangedAddedAndRemoved) {
    const InstalledRecord record(layout_);
    layout_.root.set_content(*layout_.root.child(layout_.etc, "passwd"), Content::of("after"));
    add(layout_.root.make_directories("app/sub", {.mode = 0700}, layout_.etc), "new", "text");
    layout_.root.remove(*layout_.root.find("runlevels/default", layout_.etc), "crond");
    add(layout_.root.make_directories("home/core", {.mode = 0700}, layout_.var), "key", "text");
    record.add_to(layout_, 1);
    EXPECT_EQ(text("default-etc/passwd"), "before");
    EXPECT_EQ(text("etc/passwd"), "after");
    EXPECT_EQ(text("etc/app/sub/new"), "text");
    EXPECT_FALSE(has("default-etc/app"));
    EXPECT_EQ(text("default-etc/runlevels/default/crond"), "/etc/init.d/crond");
    EXPECT_TRUE(has("etc/runlevels/default"));
    EXPECT_FALSE(has("etc/runlevels/default/crond"));
    EXPECT_FALSE(has("etc/runlevels/default/sshd"));
    EXPECT_FALSE(has("etc/same"));
    EXPECT_EQ(text("var/home/core/key"), "text");
    EXPECT_FALSE(has("var/lib")) << "nothing was added there";
    const auto private_part = layout_.root.find(kInstalledDirectory);
    ASSERT_TRUE(private_part);
    EXPECT_EQ(layout_.root.inode(*private_part).attributes.mode, 0700U);
    const auto kept = layout_.root.find(std::string(kInstalledDirectory) + "/etc/runlevels/default");
    ASSERT_TRUE(kept);
    EXPECT_EQ(layout_.root.inode(*kept).attributes.mode, 0750U);
}

TEST_F(InstalledRecordTest, IsThereWithoutAnyChange) {
    const InstalledRecord record(layout_);
    record.add_to(layout_, 1);
    for (const char* name : {"default-etc", "etc", "var"}) {
        const auto found = layout_.root.find(std::string(kInstalledDirectory) + "/" + name);
        ASSERT_TRUE(found) << name;
        EXPECT_TRUE(layout_.root.inode(*found).children.empty()) << name;
    }
}

}  // namespace
}  // namespace osb::image

// Paths in a tree, and the two kinds of trees: directories on disk and commits.
#include "image/lint/lint_tree.hh"

#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "base/error.hh"
#include "image/lint/commit_tree.hh"
#include "image/lint/directory_tree.hh"
#include "image/lint/lint_image.hh"
#include "ostree/import/import.hh"
#include "ostree/objects/object_format.hh"
#include "tests/support/memory_image.hh"
#include "tests/support/tar_builder.hh"
#include "tests/support/temp_directory.hh"
#include "tests/unit/image/lint/memory_tree.hh"

namespace osb::test {
namespace {

namespace fs = std::filesystem;
using image::DirectoryTree;
using image::LintKind;

std::string resolved(const image::LintTree& tree, std::string_view path) {
    const auto found = tree.resolve(path);
    return found ? found->path : "nothing";
}

TEST(LintTree, ResolvesLinksInsideTheTree) {
    MemoryTree tree;
    tree.file("usr/bin/x", "x").link("bin", "usr/bin").link("a", "/../../bin/x").link("loop", "loop");
    tree.link("usr/up", "../etc/y").file("etc/y", "y").link("gone", "/none");
    EXPECT_EQ(resolved(tree, "/bin/x"), "usr/bin/x");
    EXPECT_EQ(resolved(tree, "a"), "usr/bin/x");
    EXPECT_EQ(resolved(tree, "usr/up"), "etc/y");
    EXPECT_EQ(resolved(tree, "loop"), "nothing");
    EXPECT_EQ(resolved(tree, "gone"), "nothing");
    EXPECT_EQ(resolved(tree, "etc/y/z"), "nothing");
    EXPECT_EQ(resolved(tree, "../../etc"), "etc");
}

TEST(LintTree, ResolvesTheDirectoriesOfARunningSystem) {
    MemoryTree tree;
    make_good_commit(tree);
    tree.file("usr/share/factory/var/roothome/.profile", "x").link("usr/etc/up", "../bin/busybox");
    EXPECT_EQ(resolved(tree, "/etc/os-release"), "usr/etc/os-release");
    EXPECT_EQ(resolved(tree, "/root/.profile"), "usr/share/factory/var/roothome/.profile");
    EXPECT_EQ(resolved(tree, "/sbin/init"), "usr/bin/busybox");
    EXPECT_EQ(resolved(tree, "/etc/up"), "usr/bin/busybox");
}

class LintDirectory : public testing::Test {
  protected:
    LintDirectory() { fs::create_directories(root_); }

    void write(const std::string& path, const std::string& text, mode_t mode = 0644) const {
        fs::create_directories(fs::path(root_ + '/' + path).parent_path());
        std::ofstream(root_ + '/' + path) << text;
        ASSERT_EQ(::chmod((root_ + '/' + path).c_str(), mode), 0);
    }

    TempDirectory directory_;
    std::string root_ = directory_ / "root";
};

TEST_F(LintDirectory, HasWhatIsOnDisk) {
    write("etc/x", "text", 04755);
    fs::create_symlink("/etc/x", root_ + "/link");
    ASSERT_EQ(::mkfifo((root_ + "/fifo").c_str(), 0600), 0);
    const DirectoryTree tree(root_);
    ASSERT_NE(tree.at("etc/x"), nullptr);
    EXPECT_EQ(tree.at("etc/x")->mode, 04755U);
    EXPECT_EQ(tree.at("etc/x")->size, 4U);
    EXPECT_EQ(tree.at("fifo")->kind, LintKind::special);
    EXPECT_EQ(resolved(tree, "link"), "etc/x");
    EXPECT_EQ(tree.read_head("etc/x", 100), "text");
    EXPECT_EQ(tree.read_head("etc/x", 2), "te");
    EXPECT_EQ(tree.entries().size(), 5U);  // with the root
}

TEST_F(LintDirectory, NeverLeavesTheDirectory) {
    write("etc/y", "inside");
    std::ofstream(directory_ / "secret") << "outside";
    fs::create_symlink("../secret", root_ + "/up");
    fs::create_symlink(directory_ / "secret", root_ + "/absolute");
    fs::create_directory_symlink("..", root_ + "/parent");
    const DirectoryTree tree(root_);
    EXPECT_EQ(resolved(tree, "up"), "nothing");
    EXPECT_EQ(resolved(tree, "absolute"), "nothing");
    EXPECT_EQ(resolved(tree, "parent/secret"), "nothing");
    EXPECT_EQ(resolved(tree, "parent/etc/y"), "etc/y");
    // Somebody replaces a directory by a link after it was read.
    fs::rename(root_ + "/etc", root_ + "/other");
    fs::create_directory_symlink("other", root_ + "/etc");
    EXPECT_THROW(tree.open("etc/y"), Error);
}

TEST_F(LintDirectory, ComparesTheFilesThatMerge) {
    write("bin/same", "same");
    write("usr/bin/same", "same");
    write("bin/mode", "same");
    write("usr/bin/mode", "same", 0755);
    write("bin/other", "abcd");
    write("usr/bin/other", "abce");
    const DirectoryTree tree(root_);
    EXPECT_EQ(tree.at("bin/same")->content, tree.at("usr/bin/same")->content);
    EXPECT_NE(tree.at("bin/mode")->content, tree.at("usr/bin/mode")->content);
    EXPECT_NE(tree.at("bin/other")->content, tree.at("usr/bin/other")->content);
}

TEST_F(LintDirectory, MissingDirectoryAndFile) {
    EXPECT_THROW(DirectoryTree(directory_ / "none"), Error);
    std::ofstream(directory_ / "file") << "x";
    EXPECT_THROW(DirectoryTree(directory_ / "file"), Error);
}

TarBuilder good_layer() {
    TarBuilder layer;
    layer.file("boot/vmlinuz-virt", bzimage()).file("boot/initramfs-virt", good_initramfs());
    layer.file("lib/modules/6.6-0-virt/modules.dep", "a").file("lib/modules/6.6-0-virt/kernel/a.ko", "ko");
    layer.file("sbin/init", "#!/bin/sh\n", 0755).file("etc/os-release", "ID=x\n");
    layer.file("etc/init.d/osb-boot-check", "#!/bin/sh\n", 0755);
    layer.symlink("etc/runlevels/default/osb-boot-check", "/etc/init.d/osb-boot-check");
    return layer;
}

// Cuts the object of an initramfs in an archive repository.
TEST(LintCommit, ADamagedRepositoryIsNotAFaultOfTheImage) {
    const TempDirectory directory;
    ostree::Repository repository = ostree::Repository::create(directory / "repo", ostree::RepoMode::archive);
    NoProgress progress;
    const MemoryImage image = make_image({{good_layer().finish()}});
    const ostree::CommitId commit =
        ostree::import_image(repository, image.image, {.ref = ostree::RefName::parse("os/x")}, progress)
            .commit;
    EXPECT_NO_THROW(image::lint_commit(repository, commit, {}));
    const image::CommitTree tree(repository, commit);
    const image::LintEntry* const initramfs = tree.at("usr/lib/modules/6.6-0-virt/initramfs.img");
    ASSERT_NE(initramfs, nullptr);
    const std::string object =
        directory / ("repo/objects/" + ostree::loose_path(initramfs->content, ostree::ObjectType::file,
                                                          /*archive=*/true));
    for (const std::uintmax_t size : {fs::file_size(object) / 2, std::uintmax_t{20}}) {
        fs::resize_file(object, size);  // in the content, and then in the header
        try {
            image::lint_commit(repository, commit, {});
            ADD_FAILURE() << "linted a damaged repository";
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::digest_mismatch) << error.message();
            EXPECT_NE(error.hint().find("ostree fsck"), std::string::npos);
        }
    }
}

std::string lint_of(const TarBuilder& layer, const std::map<std::string, std::string>& labels) {
    NoProgress progress;
    const MemoryImage image =
        make_image({{layer.finish()}}, {.labels = labels, .annotations = {}, .architecture = "amd64"});
    return summary_of(image::lint_image(image.image, {}, progress).findings);
}

TEST(LintImage, HasNoFindingsInAGoodImage) {
    EXPECT_EQ(lint_of(good_layer(), {{"version", "2"}}), "");
    EXPECT_EQ(lint_of(good_layer(), {}), "warning version \n");
}

TEST(LintImage, SeesWhatImportDrops) {
    TarBuilder layer = good_layer();
    layer.file("tmp/x", "x").fifo("srv/pipe").device("dev/null", '3', 1, 3);
    EXPECT_EQ(lint_of(layer, {{"version", "2"}}),
              "warning devices /srv/pipe\nwarning runtime-content /tmp\n");
}

TEST(LintImage, ReportsAConflictAndGoesOn) {
    TarBuilder layer = good_layer();
    layer.file("bin/x", "1").file("usr/bin/x", "2").file("etc/bad", "x", 0666);
    EXPECT_EQ(lint_of(layer, {{"version", "2"}}),
              "error usr-merge /bin/x\nwarning world-writable /etc/bad\n");
}

TEST(LintImage, ReportsWhatImportRefuses) {
    TarBuilder layer = good_layer();
    layer.file("etc/\xff", "x");
    EXPECT_EQ(lint_of(layer, {{"version", "2"}}), "error import \n");
}

}  // namespace
}  // namespace osb::test

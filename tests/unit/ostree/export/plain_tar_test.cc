// A commit as an ordinary root filesystem: what a container runtime finds, and that it is imported as the
// same tree again.
#include "ostree/export/plain_tar.hh"

#include <algorithm>
#include <set>

#include "tests/support/read_archive.hh"
#include "tests/support/string_sink.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

class PlainTarTest : public ImportTest {
  protected:
    // A distribution's root, with something of everything that the bootable layout moves.
    static TarBuilder rootfs() {
        TarBuilder layer;
        layer.directory("bin").file("bin/busybox", "busy", 04755).symlink("bin/sh", "/bin/busybox");
        layer.pax({{"SCHILY.xattr.security.capability", "cap"}, {"SCHILY.xattr.user.k", "v"}})
            .file("usr/bin/ping", "elf", 0755);
        layer.directory("etc", 0711).file("etc/passwd", "root").symlink("etc/mtab", "../proc/mounts");
        layer.directory("root", 0700).file("root/.profile", "p").directory("home").directory("srv");
        layer.directory("opt").directory("mnt").directory("tmp", 01777).directory("run");
        layer.directory("var", 0751).directory("var/tmp", 01777).symlink("var/run", "../run");
        layer.file("var/lib/db", "state", 0600).directory("var/empty", 0555);
        layer.pax({{"SCHILY.xattr.user.dir", "d"}}).directory("usr/share", 0750);
        layer.file("usr/share/a", "same").file("usr/share/b", "same").file("usr/share/empty", "");
        layer.file("boot/vmlinuz-x", "kernel").file("boot/initramfs-x", "initramfs");
        layer.file("lib/modules/1-x/modules.dep", "m");
        return layer;
    }

    void SetUp() override {
        ImportTest::SetUp();
        commit_ = bootable({rootfs()});
        open();
    }

    void open() {
        repository_.emplace(ostree::Repository::open(repo_path()));
        walk_ = ostree::plain_walk(ostree::walk_commit(*repository_, *repository_->resolve("os/test")));
    }

    // The first layer, then one of every second file and one of the others, so that directories are shared.
    std::vector<std::string> layers() const {
        std::vector<std::string> out(3);
        for (std::size_t i = 0; i < out.size(); ++i) {
            StringSink sink;
            oci::TarWriter tar(sink);
            ostree::PlainTar plain(*repository_, walk_);
            if (i == 0) plain.write_directories(tar);
            for (std::size_t j = 0; i > 0 && j < walk_.files.size(); ++j) {
                if (j % 2 == i - 1) plain.write_file(tar, walk_.files[j]);
            }
            tar.finish();
            out[i] = sink.text;
        }
        return out;
    }

    static std::vector<ReadEntry> read_tar(const std::string& bytes) {
        const ReadArchive archive = read_archive(bytes);
        EXPECT_EQ(archive.error, "");
        return archive.entries;
    }

    // All entries of all layers by path; directories in several layers must be the same in each.
    std::map<std::string, ReadEntry> entries() const {
        std::map<std::string, ReadEntry> out;
        for (const std::string& layer : layers()) {
            for (const ReadEntry& read : read_tar(layer)) {
                const auto [found, fresh] = out.emplace(read.entry.path, read);
                if (fresh) continue;
                EXPECT_EQ(read.entry.type, oci::TarType::directory) << read.entry.path;
                EXPECT_EQ(found->second.entry.mode, read.entry.mode) << read.entry.path;
                EXPECT_EQ(found->second.entry.xattrs, read.entry.xattrs) << read.entry.path;
            }
        }
        return out;
    }

    Listing commit_;
    std::optional<ostree::Repository> repository_;
    ostree::CommitWalk walk_;
};

TEST_F(PlainTarTest, AContainerFindsItsRootFilesystem) {
    const auto found = entries();
    EXPECT_EQ(found.at("./").entry.mode, 0755U);
    EXPECT_EQ(found.at("etc/").entry.mode, 0711U);
    EXPECT_EQ(found.at("etc/passwd").content, "root");
    EXPECT_EQ(found.at("bin").entry.link_target, "usr/bin");
    EXPECT_EQ(found.at("usr/bin/busybox").entry.mode, 04755U);
    EXPECT_EQ(found.at("root").entry.link_target, "var/roothome");
    EXPECT_EQ(found.at("var/roothome/").entry.mode, 0700U);
    EXPECT_EQ(found.at("var/roothome/.profile").content, "p");
    EXPECT_EQ(found.at("var/").entry.mode, 0751U);
    EXPECT_EQ(found.at("var/tmp/").entry.mode, 01777U);
    EXPECT_EQ(found.at("var/lib/db").content, "state");
    EXPECT_EQ(found.at("var/run").entry.link_target, "../run");
    EXPECT_EQ(found.at("tmp/").entry.mode, 01777U);
    using Xattrs = std::vector<std::pair<std::string, std::string>>;
    EXPECT_EQ(found.at("usr/bin/ping").entry.xattrs,
              (Xattrs{{"security.capability", "cap"}, {"user.k", "v"}}));
    EXPECT_EQ(found.at("usr/share/").entry.xattrs, (Xattrs{{"user.dir", "d"}}));
    for (const auto& [path, read] : found) {
        EXPECT_FALSE(path.starts_with("sysroot/ostree") || path.starts_with("usr/etc") ||
                     path.starts_with("usr/share/factory/var"))
            << path;
    }
}

TEST_F(PlainTarTest, WhatWouldBeAWhiteoutIsLeftOut) {
    ostree::CommitWalk walk = ostree::walk_commit(*repository_, *repository_->resolve("os/test"));
    const std::size_t files = ostree::plain_walk(walk).files.size();
    const std::size_t directories = walk_.directories.size();
    warnings_.clear();
    ostree::WalkedFile hidden = walk.files.front();
    hidden.paths = {".wh.usr", "usr/.wh..wh..opq", "usr/.wh.d/f", "usr/shown"};
    walk.files.push_back(hidden);
    walk.directories.push_back(walk.directories.back());
    walk.directories.back().path = "usr/.wh.d";
    const ostree::CommitWalk plain = ostree::plain_walk(walk);
    EXPECT_EQ(plain.files.size(), files + 1);
    EXPECT_EQ(plain.directories.size(), directories);
    ASSERT_EQ(warnings_.size(), 1U);
    EXPECT_NE(warnings_[0].find("and 3 more"), std::string::npos) << warnings_[0];
}

TEST_F(PlainTarTest, EqualFilesAreFilesOfTheirOwn) {
    const auto found = entries();
    EXPECT_EQ(found.at("usr/share/a").content, "same");
    EXPECT_EQ(found.at("usr/share/b").content, "same");
    for (const auto& [path, read] : found) EXPECT_NE(read.entry.type, oci::TarType::hardlink) << path;
}

TEST_F(PlainTarTest, PathsAreInOrderAndDirectoriesBeforeWhatTheyHold) {
    for (const std::string& layer : layers()) {
        std::set<std::string> directories;
        std::string last;
        const auto all = read_tar(layer);
        ASSERT_FALSE(all.empty());
        EXPECT_EQ(all.front().entry.path, "./");
        for (const ReadEntry& read : all) {
            const std::string& path = read.entry.path;
            const bool is_directory = read.entry.type == oci::TarType::directory;
            const std::size_t slash = path.rfind('/', path.size() - 2);
            if (slash != std::string::npos) {
                EXPECT_TRUE(directories.contains(path.substr(0, slash + 1))) << path;
            }
            if (is_directory) {
                EXPECT_TRUE(directories.insert(path).second) << path << " twice";
            }
            if (is_directory) continue;
            EXPECT_LT(last, path);
            last = path;
        }
    }
}

TEST_F(PlainTarTest, IsImportedAsTheSameTree) {
    std::vector<MemoryLayer> image;
    for (const std::string& layer : layers()) image.push_back({layer});
    import(make_image(image).image, {.ref = ostree::RefName::parse("os/again")});
    const Listing again = list_commit(repo_path(), "os/again");
    for (const auto& [path, listed] : commit_) EXPECT_TRUE(again.contains(path)) << path;
    for (const auto& [path, listed] : again) {
        const auto found = commit_.find(path);
        ASSERT_NE(found, commit_.end()) << path;
        EXPECT_TRUE(found->second == listed) << path;
    }
}

// The commit of an image that was imported as it is has nothing to be moved back.
TEST_F(PlainTarTest, ATreeThatIsNotOstreesStaysAsItIs) {
    TarBuilder layer = rootfs();
    layer.file("usr/etc/x", "not /etc").file("usr/share/factory/var/x", "not /var");
    const Listing plain_commit = plain({layer});
    open();
    std::set<std::string> paths;
    for (const auto& [path, read] : entries())
        paths.insert("/" + (path == "./"          ? ""
                            : path.ends_with('/') ? path.substr(0, path.size() - 1)
                                                  : path));
    std::set<std::string> expected;
    for (const auto& [path, listed] : plain_commit) expected.insert(path);
    EXPECT_EQ(paths, expected);
}

// /var in use or a link, an /etc beside /usr/etc: each alone keeps only its own from moving.
TEST(PlainWalk, MovesOnlyWhereThereIsRoom) {
    const auto paths = [](std::vector<std::string> directories, const std::vector<std::string>& files) {
        ostree::CommitWalk walk;
        directories.insert(directories.begin(), {"", "usr", "usr/etc", "usr/share/factory/var"});
        for (const std::string& path : directories) {
            walk.directories.emplace_back();
            walk.directories.back().path = path;
        }
        walk.files.push_back({Sha256{}, {"usr/etc/f", "usr/share/factory/var/f"}});
        for (const std::string& path : files) walk.files.push_back({Sha256{}, {path}});
        std::set<std::string> out;
        const ostree::CommitWalk moved = ostree::plain_walk(walk);
        for (const auto& directory : moved.directories) EXPECT_TRUE(out.insert(directory.path).second);
        for (const auto& file : moved.files) {
            EXPECT_EQ(file.paths.size(), 1U);
            EXPECT_TRUE(out.insert(file.paths.front()).second);
        }
        return out;
    };
    using Paths = std::set<std::string>;
    EXPECT_EQ(paths({"var"}, {}), (Paths{"", "usr", "etc", "etc/f", "var", "var/f"}));
    EXPECT_EQ(paths({}, {}), (Paths{"", "usr", "etc", "etc/f", "var", "var/f"}));
    EXPECT_EQ(paths({"var", "var/lib"}, {}), (Paths{"", "usr", "etc", "etc/f", "var", "var/lib",
                                                    "usr/share/factory/var", "usr/share/factory/var/f"}));
    EXPECT_EQ(paths({}, {"var"}),
              (Paths{"", "usr", "etc", "etc/f", "var", "usr/share/factory/var", "usr/share/factory/var/f"}));
    EXPECT_EQ(paths({"etc"}, {}), (Paths{"", "usr", "usr/etc", "usr/etc/f", "etc", "var", "var/f"}));
    EXPECT_EQ(paths({}, {"etc", "variable", "usr/etcetera"}),
              (Paths{"", "usr", "usr/etc", "usr/etc/f", "etc", "variable", "usr/etcetera", "var", "var/f"}));
}

}  // namespace
}  // namespace osb::test

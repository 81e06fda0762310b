// Images that are built on an encapsulated commit: what comes out of the base and of the layers on top.
#include <filesystem>

#include "ostree/tree/base_tree.hh"
#include "tests/unit/ostree/encapsulated_fixture.hh"

namespace osb::test {
namespace {

namespace fs = std::filesystem;

class DerivedImportThreads : public EncapsulatedTest {
  protected:
    void SetUp() override {
        EncapsulatedTest::SetUp();
        make_base({base_system()});
    }

    static TarBuilder base_system() {
        TarBuilder tar;
        tar.file("bin/tool", std::string(3000, 't'), 0755)
            .file("usr/share/a/one", "1")
            .file("usr/share/a/two", "2");
        tar.file("etc/passwd", "root").file("etc/conf.d/x", "x").symlink("etc/link", "../usr/share/a/one");
        tar.file("usr/same1", "same").file("usr/same2", "same").file("usr/empty", "");
        tar.file("boot/vmlinuz-virt", "kernel 1").file("boot/initramfs-virt", "initramfs 1");
        tar.file("lib/modules/6.1-0-virt/kernel/fs.ko", "module")
            .file("lib/modules/6.1-0-virt/modules.dep", "dep");
        tar.file("var/lib/app/state", "old").file("sbin/init", "init", 0755).directory("usr/secret", 0700);
        return tar;
    }

    std::optional<ostree::CommitId> parent_of(const std::string& repo, const ostree::CommitId& commit) {
        return ostree::Repository::open(repo).resolve(concat(commit, "^"));
    }
};

TEST_F(DerivedImportThreads, LayersOnTopOfTheCommit) {
    const Listing before = list_commit(repo_path(), commit_);
    Listing after = listing({TarBuilder()
                                 .file("usr/share/a/.wh.one", "")
                                 .file("etc/passwd", "root\nweb")
                                 .file("etc/nginx/nginx.conf", "conf")
                                 .file("usr/bin/nginx", "elf", 0755)
                                 .directory("usr/secret", 0711),
                             TarBuilder().file("etc/conf.d/.wh..wh..opq", "").file("etc/conf.d/y", "y")});
    EXPECT_EQ(parent_of(target(), result_->commit), commit_);
    EXPECT_EQ(list_commit(target(), commit_), before) << "the base is there, whole";
    EXPECT_EQ(commit_string(target(), result_->commit, "osb.import.base"), commit_);
    verify_all_objects(target());

    EXPECT_EQ(content(after, "/usr/etc/passwd"), "root\nweb");
    EXPECT_EQ(content(after, "/usr/etc/nginx/nginx.conf"), "conf");
    EXPECT_EQ(content(after, "/usr/etc/conf.d/y"), "y");
    EXPECT_EQ(type(after, "/usr/etc/conf.d/x"), '-');
    EXPECT_EQ(type(after, "/usr/share/a/one"), '-');
    EXPECT_EQ(after.at("/usr/secret").mode, 0711U);
    Listing rest = before;
    for (const char* path :
         {"/usr/etc/passwd", "/usr/etc/nginx", "/usr/etc/nginx/nginx.conf", "/usr/bin/nginx",
          "/usr/etc/conf.d/y", "/usr/etc/conf.d/x", "/usr/share/a/one", "/usr/secret"}) {
        after.erase(path);
        rest.erase(path);
    }
    EXPECT_EQ(after, rest) << "nothing else has changed";
}

TEST_F(DerivedImportThreads, ALaidOutBaseIsNotLaidOutAgain) {
    Listing after = listing({TarBuilder().file("usr/new", "n")});
    EXPECT_EQ(content(after, "/usr/new"), "n");
    after.erase("/usr/new");
    EXPECT_EQ(after, list_commit(repo_path(), commit_));
    EXPECT_EQ(result_->kernel, "6.1-0-virt");
    EXPECT_TRUE(result_->notes.empty()) << result_->notes.front();
}

TEST_F(DerivedImportThreads, AnImageWithNothingOnTopIsItsCommit) {
    const MemoryImage image = derived({});
    const auto result = import_into_target(image.image);
    EXPECT_EQ(result.commit, commit_);
    EXPECT_EQ(result.base, commit_);
    EXPECT_FALSE(result.unchanged);
    EXPECT_EQ(result.kernel, "6.1-0-virt");
    EXPECT_EQ(list_commit(target(), "os/derived"), list_commit(repo_path(), commit_));
    const unsigned opened = image.source->opened;
    EXPECT_TRUE(import_into_target(image.image).unchanged);
    EXPECT_EQ(image.source->opened, opened);

    // What the commit itself cannot be makes one of its own.
    const auto subject = import_into_target(image.image, {.subject = "mine"});
    EXPECT_NE(subject.commit, commit_);
    EXPECT_EQ(parent_of(target(), subject.commit), commit_);
    EXPECT_EQ(subject.kernel, "6.1-0-virt");
    const auto orphan = import_into_target(image.image, {.parent = ostree::Parent::none});
    EXPECT_EQ(orphan.parent, std::nullopt);
    EXPECT_EQ(orphan.kernel, "6.1-0-virt");
    EXPECT_NE(orphan.commit, commit_);
    EXPECT_EQ(list_commit(target(), orphan.commit), list_commit(repo_path(), commit_));
    const auto plain = import_into_target(image.image, {.layout = ostree::Layout::plain});
    EXPECT_NE(plain.commit, commit_);
    EXPECT_EQ(content(list_commit(target(), plain.commit), "/etc/passwd"), "root");
    EXPECT_EQ(image.source->opened, opened) << "all of that without reading a layer";
}

// The label is the image's own word.
TEST_F(DerivedImportThreads, ALabelThatNamesTheRefsCommitIsLookedAt) {
    import_into_target(derived({}).image);
    std::vector<MemoryLayer> layers = base_;
    layers.back().tar = TarBuilder().file("etc/passwd", "evil").bytes() + layers.back().tar;
    MemoryImageOptions options = labels();
    options.labels["ostree.final-diffid"] = diff_id(layers.back());
    const MemoryImage other = make_image(layers, options);
    const auto result = import_into_target(other.image);
    EXPECT_EQ(other.source->opened, 2U) << "a layer that is not known, and with it the first";
    EXPECT_EQ(result.commit, commit_) << "it does hold the commit";
    EXPECT_TRUE(result.unchanged);
    layers.back().tar = TarBuilder().file("etc/passwd", "evil").finish();
    options.labels["ostree.final-diffid"] = diff_id(layers.back());
    EXPECT_NE(refusal_of(make_image(layers, options)).find("lacks the object"), std::string::npos);
    layers = {{TarBuilder().directory("usr").finish()}};
    options.labels["ostree.final-diffid"] = diff_id(layers.back());
    refusal_of(make_image(layers, options));
}

TEST_F(DerivedImportThreads, APlainCommitIsLaidOut) {
    make_base({base_system()}, ostree::Layout::plain);
    EXPECT_EQ(import_into_target(derived({}).image, {.layout = ostree::Layout::plain}).commit, commit_);
    const auto result = import_into_target(derived({}).image);
    EXPECT_NE(result.commit, commit_);
    const Listing tree = list_commit(target(), result.commit);
    EXPECT_EQ(content(tree, "/usr/etc/passwd"), "root");
    EXPECT_EQ(content(tree, "/usr/lib/modules/6.1-0-virt/vmlinuz"), "kernel 1");
}

TEST_F(DerivedImportThreads, KnownLayersOfTheBaseAreNotRead) {
    import_into_target(derived({TarBuilder().file("usr/v", "1")}).image);
    const MemoryImage second = derived({TarBuilder().file("usr/v", "2")});
    const auto result = import_into_target(second.image);
    EXPECT_EQ(second.source->opened, 1U);
    EXPECT_EQ(result.layers_reused, base_.size());
    EXPECT_EQ(result.parent, commit_);
    // And give the very commit that reading them gives.
    fs::remove_all(target());
    EXPECT_EQ(import_into_target(second.image).commit, result.commit);
    EXPECT_TRUE(import_into_target(second.image).unchanged);
}

TEST_F(DerivedImportThreads, ABaseThatIsNotWholeAnyMoreIsMended) {
    import_into_target(derived({TarBuilder().file("usr/v", "1")}).image, {.parent = ostree::Parent::none});
    const std::string objects = target() + "/objects/";
    fs::remove(objects + commit_.substr(0, 2) + '/' + commit_.substr(2) + ".commit");
    EXPECT_EQ(import_into_target(derived({TarBuilder().file("usr/v", "2")}).image).parent, commit_);
    const std::string tree = to_hex(walk_.directories.front().tree);
    fs::remove(objects + tree.substr(0, 2) + '/' + tree.substr(2) + ".dirtree");
    import_into_target(derived({TarBuilder().file("usr/v", "3")}).image);
    EXPECT_EQ(list_commit(target(), commit_), list_commit(repo_path(), commit_));
}

TEST_F(DerivedImportThreads, SameCommitWithAnyJobs) {
    const MemoryImage image =
        derived({TarBuilder().file("usr/v", "1"), TarBuilder().file("etc/.wh.passwd", "")});
    const ostree::CommitId commit = import_into_target(image.image, {.jobs = 1}).commit;
    for (const unsigned jobs : {2U, 7U}) {
        fs::remove_all(target());
        EXPECT_EQ(import_into_target(image.image, {.jobs = jobs}).commit, commit) << jobs;
    }
}

TEST_F(DerivedImportThreads, WhatParentMeans) {
    const MemoryImage image = derived({TarBuilder().file("usr/v", "1")});
    const auto first = import_into_target(image.image);
    const auto none = import_into_target(image.image, {.parent = ostree::Parent::none});
    EXPECT_EQ(none.parent, std::nullopt);
    EXPECT_EQ(none.base, commit_);
    const auto chosen = import_into_target(
        image.image, {.parent = ostree::Parent::commit, .parent_commit = concat(first.commit)});
    EXPECT_EQ(parent_of(target(), chosen.commit), first.commit);
    // The ref's commit is no parent of what is built on another.
    const MemoryImage next = derived({TarBuilder().file("usr/v", "2")});
    EXPECT_EQ(import_into_target(next.image).parent, commit_);
}

// podman writes a file that was changed in place under the name of its object first, and its names in the
// tree as links to that.
TEST_F(DerivedImportThreads, ObjectsThatWereChangedInPlace) {
    const std::string object = object_path("usr/same1");
    const Listing tree = listing({TarBuilder()
                                      .file(object, "changed")
                                      .hardlink("usr/same1", object)
                                      .hardlink("usr/same2", object)
                                      .hardlink("usr/bin/tool2", object_path("usr/bin/tool"))
                                      .hardlink("etc/link2", object_path("usr/etc/link"))
                                      .hardlink("etc/passwd2", "etc/passwd")});
    EXPECT_EQ(content(tree, "/usr/same1"), "changed");
    EXPECT_EQ(content(tree, "/usr/same2"), "changed");
    EXPECT_EQ(content(tree, "/usr/bin/tool2"), std::string(3000, 't'));
    EXPECT_EQ(content(tree, "/usr/etc/link2"), "../usr/share/a/one");
    EXPECT_EQ(content(tree, "/usr/etc/passwd2"), "root");
    EXPECT_EQ(type(tree, "/sysroot/ostree"), '-');
    // A layer that changes the object alone changes no file: there are no links between layers.
    const Listing alone = listing({TarBuilder().file(object, "changed"), TarBuilder().file("usr/x", "")});
    EXPECT_EQ(content(alone, "/usr/same1"), "same");
    // A whole repository that was deleted is no matter; but nothing can be linked to what is gone.
    EXPECT_EQ(content(listing({TarBuilder().file("sysroot/.wh.ostree", "")}), "/usr/same1"), "same");
    EXPECT_NE(refusal_of(derived({TarBuilder().file("sysroot/.wh.ostree", ""),
                                  TarBuilder().hardlink("usr/y", object)}))
                  .find("does not exist"),
              std::string::npos);
}

TEST_F(DerivedImportThreads, PlainIsTheTreeThatTheImageShows) {
    const Listing tree =
        listing({TarBuilder().file("etc/new", "n").file("etc/.wh.passwd", "")}, ostree::Layout::plain);
    EXPECT_EQ(content(tree, "/etc/new"), "n");
    EXPECT_EQ(content(tree, "/etc/conf.d/x"), "x");
    EXPECT_EQ(type(tree, "/etc/passwd"), '-');
    EXPECT_EQ(type(tree, "/usr/etc"), '-');
    EXPECT_EQ(type(tree, "/sysroot"), 'd');
    EXPECT_EQ(type(tree, "/sysroot/ostree"), '-');
    EXPECT_EQ(type(tree, "/var/tmp"), '-') << "is there for container runtimes alone";
    EXPECT_EQ(type(listing({TarBuilder().file("var/tmp/x", "x")}, ostree::Layout::plain), "/var/tmp/x"), 'f');
}

TEST_F(DerivedImportThreads, WholeDirectoriesReplaced) {
    const Listing tree = listing({TarBuilder().file(".wh.etc", "").file("etc/only", "o"),
                                  TarBuilder().file("usr/etc/.wh..wh..opq", "").file("usr/etc/too", "t")});
    EXPECT_EQ(content(tree, "/usr/etc/only"), "o");
    EXPECT_EQ(content(tree, "/usr/etc/too"), "t");
    EXPECT_EQ(type(tree, "/usr/etc/passwd"), '-');
    // Below links of the layout.
    const Listing linked = listing({TarBuilder().file("bin/new", "b").file("bin/.wh.tool", "")});
    EXPECT_EQ(content(linked, "/usr/bin/new"), "b");
    EXPECT_EQ(type(linked, "/usr/bin/tool"), '-');
    EXPECT_EQ(content(linked, "/bin"), "usr/bin");
}

TEST_F(DerivedImportThreads, StateOfTheLayersIsNewerThanTheBases) {
    const Listing tree = listing({TarBuilder()
                                      .file("var/lib/app/state", "new")
                                      .file("var/lib/other", "o")
                                      .file("home/user/.profile", "p")
                                      .file("opt/app/run", "run")
                                      .file("usr/local/bin/x", "x")});
    EXPECT_EQ(content(tree, "/usr/share/factory/var/lib/app/state"), "new");
    EXPECT_EQ(content(tree, "/usr/share/factory/var/lib/other"), "o");
    EXPECT_EQ(content(tree, "/usr/share/factory/var/home/user/.profile"), "p");
    EXPECT_EQ(content(tree, "/opt/app/run"), "run");
    EXPECT_EQ(content(tree, "/usr/local/bin/x"), "x");
    EXPECT_EQ(type(tree, "/var/lib"), '-');
}

TEST_F(DerivedImportThreads, KernelsOfTheLayers) {
    const std::string modules = "/usr/lib/modules/";
    // Another release, the base's removed by its package manager, which does not know of what import moved.
    Listing tree = listing({TarBuilder()
                                .file("lib/modules/6.1-0-virt/.wh.kernel", "")
                                .file("lib/modules/6.2-0-virt/kernel/fs.ko", "module 2")
                                .file("boot/vmlinuz-virt", "kernel 2")
                                .file("boot/initramfs-virt", "initramfs 2")});
    EXPECT_EQ(result_->kernel, "6.2-0-virt");
    EXPECT_EQ(content(tree, modules + "6.2-0-virt/vmlinuz"), "kernel 2");
    EXPECT_EQ(content(tree, modules + "6.2-0-virt/initramfs.img"), "initramfs 2");
    EXPECT_EQ(type(tree, modules + "6.1-0-virt"), '-');
    // The same release anew.
    tree = listing({TarBuilder().file("boot/vmlinuz-virt", "kernel 1b")});
    EXPECT_EQ(content(tree, modules + "6.1-0-virt/vmlinuz"), "kernel 1b");
    EXPECT_EQ(content(tree, modules + "6.1-0-virt/initramfs.img"), "initramfs 1");
    // A new initramfs alone.
    tree = listing({TarBuilder().file("boot/initramfs-virt", "initramfs 1b")});
    EXPECT_EQ(content(tree, modules + "6.1-0-virt/vmlinuz"), "kernel 1");
    EXPECT_EQ(content(tree, modules + "6.1-0-virt/initramfs.img"), "initramfs 1b");
    EXPECT_TRUE(fs::exists(target()));
    // Two with their modules are one too many.
    EXPECT_NE(refusal_of(derived({TarBuilder()
                                      .file("lib/modules/6.2-0-lts/kernel/fs.ko", "module 2")
                                      .file("boot/vmlinuz-lts", "kernel 2")}))
                  .find("two kernels"),
              std::string::npos);
}

TEST_F(DerivedImportThreads, LabelsMustBeTrue) {
    const std::vector<TarBuilder> top{TarBuilder().file("usr/x", "x")};
    MemoryImageOptions options = labels();
    options.labels["ostree.commit"] = std::string(64, 'a');
    EXPECT_NE(refusal_of(derived(top, options)).find("label ostree.commit"), std::string::npos);
    options = labels();
    options.labels["ostree.final-diffid"] = "sha256:" + std::string(64, 'b');
    EXPECT_NE(refusal_of(derived(top, options)).find("not exactly one"), std::string::npos);
    options.labels["ostree.final-diffid"] = "\x1b[31m";
    EXPECT_EQ(refusal_of(derived(top, options)).find('\x1b'), std::string::npos);
    // A diffID that is there twice could be meant either way.
    TarBuilder again;
    again.raw(base_.back().tar.substr(0, base_.back().tar.size() - 1024));
    ASSERT_EQ(again.finish(), base_.back().tar);
    EXPECT_NE(refusal_of(derived({again}, labels())).find("not exactly one"), std::string::npos);
    // Fewer layers than the commit has: its files are not all there.
    options = labels();
    options.labels["ostree.final-diffid"] = diff_id(base_[1]);
    EXPECT_NE(refusal_of(derived(top, options)).find("lacks the object"), std::string::npos);
    // More: what is on top holds no objects, but nothing else either. Its files are not part of any commit.
    options.labels["ostree.final-diffid"] = diff_id({top[0].finish()});
    EXPECT_EQ(import_into_target(derived(top, options).image).commit, commit_);
}

TEST_F(DerivedImportThreads, ALayerMayBePartOfTheBaseAndOnTop) {
    TarBuilder again;
    again.raw(base_[1].tar.substr(0, base_[1].tar.size() - 1024));
    EXPECT_EQ(listing({again}), list_commit(repo_path(), commit_));
}

TEST_F(DerivedImportThreads, HostileLayersOnTop) {
    refusal_of(derived({TarBuilder().hardlink(
        "usr/x", "sysroot/ostree/repo/objects/aa/" + std::string(62, 'a') + ".file")}));
    refusal_of(derived({TarBuilder().file("usr/bin/new", "n").file("usr/bin/new/below", "x")}));
    EXPECT_EQ(type(listing({TarBuilder().file("usr/bin/tool/below", "x")}), "/usr/bin/tool"), 'd');
    refusal_of(derived({TarBuilder().hardlink("usr/x", "usr/share")}));
    refusal_of(derived({TarBuilder().file("../x", "x")}));
    refusal_of(derived({TarBuilder().file(".wh.etc", "").file("etc", "no directory")}));
    // Out of the root there is nothing: links end in it.
    const Listing tree = listing({TarBuilder().symlink("usr/up", "../../../../../usr/share"),
                                  TarBuilder().file("usr/up/x", "x").file("ostree/repo/config", "c")});
    EXPECT_EQ(content(tree, "/usr/share/x"), "x");
    EXPECT_EQ(content(tree, "/ostree"), "sysroot/ostree");
    EXPECT_EQ(type(tree, "/sysroot/ostree"), '-');
    // In place of what the view of the base relies on.
    for (const char* name : {"sysroot", "tmp", "boot", "run", "ostree"}) {
        const Listing replaced =
            listing({TarBuilder().file(std::string(".wh.") + name, "").file(name, "file")});
        EXPECT_EQ(type(replaced, std::string("/") + name), std::string_view(name) == "ostree" ? 'l' : 'd')
            << name;
    }
    EXPECT_EQ(type(listing({TarBuilder().symlink("sysroot", "usr")}), "/usr/bin/tool"), 'f');
}

// What the base's commit has at the place of the image's repository is not followed, nor met.
TEST_F(DerivedImportThreads, ABaseWithFilesWhereItsImageHasObjects) {
    const TarBuilder top = TarBuilder().hardlink("usr/linked", "usr/share/a/one").file("usr/new", "n");
    std::vector<TarBuilder> bases;
    for (const char* name : {"sysroot/ostree", "sysroot/ostree/repo", "sysroot/ostree/repo/objects"})
        bases.push_back(base_system().file(name, "a file"));
    TarBuilder files = base_system();
    for (int i = 0; i < 256; ++i) {
        const std::string hex = to_hex(sha256(as_bytes(concat(i))));
        files.file(concat("sysroot/ostree/repo/objects/", hex.substr(0, 2)), "a file");
    }
    bases.push_back(files);
    bases.push_back(base_system().symlink("sysroot/ostree", "../usr"));
    for (const TarBuilder& base : bases) {
        make_base({base}, ostree::Layout::plain);
        for (const ostree::Layout layout : {ostree::Layout::plain, ostree::Layout::bootable}) {
            const Listing tree = listing({top}, layout);
            EXPECT_EQ(content(tree, "/usr/linked"), "1");
            EXPECT_EQ(type(tree, "/usr/repo"), '-');
            EXPECT_EQ(type(tree, "/sysroot/ostree"), '-');
            fs::remove_all(target());
        }
    }
}

// Forty small objects that name one another spell 2^40 directories.
TEST_F(DerivedImportThreads, DirectoriesThatMultiplyAreRefused) {
    std::map<Sha256, std::string> objects;
    const auto add = [&objects](const std::string& bytes) {
        const Sha256 checksum = sha256(as_bytes(bytes));
        objects[checksum] = bytes;
        return checksum;
    };
    const Sha256 meta = add(ostree::dirmeta({.mode = 040755}));
    Sha256 tree = add(ostree::dirtree({}, {}));
    for (int i = 0; i < 40; ++i) tree = add(ostree::dirtree({}, {{"a", tree, meta}, {"b", tree, meta}}));
    ostree::ImageBudget budget;
    const auto load = [&objects](ostree::ObjectType, const Sha256& checksum) { return objects.at(checksum); };
    EXPECT_THROW(ostree::read_tree(load, {tree, meta}, {}, budget, 1000), Error);
    const Sha256 twice = add(ostree::dirtree({}, {{"a", tree, meta}, {"a", tree, meta}}));
    EXPECT_THROW(ostree::read_tree(load, {twice, meta}, {}, budget, 1000), Error);
    const Sha256 up = add(ostree::dirtree({}, {{"..", add(ostree::dirtree({}, {})), meta}}));
    EXPECT_THROW(ostree::read_tree(load, {up, meta}, {}, budget, 1000), Error);
}

TEST_F(DerivedImportThreads, ManyLayers) {
    std::vector<TarBuilder> layers;
    for (int i = 0; i < 300; ++i)
        layers.push_back(TarBuilder().file(concat("usr/many/", i), "x").file("etc/last", concat(i)));
    const Listing tree = listing(layers);
    EXPECT_EQ(content(tree, "/usr/etc/last"), "299");
    EXPECT_EQ(content(tree, "/usr/many/0"), "x");
}

}  // namespace
}  // namespace osb::test

// Bases of whatever origin: imported, built upon, and their layers kept by the next export.
#include "ostree/export/kept_layers.hh"

#include <algorithm>
#include <set>

#include "oci/transports/layout_sink.hh"
#include "oci/transports/layout_source.hh"
#include "ostree/export/export.hh"
#include "ostree/export/layer_plan.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/import/pull.hh"
#include "tests/support/golden_commit.hh"
#include "tests/unit/ostree/encapsulated_fixture.hh"

namespace osb::test {
namespace {

class KeptLayersTest : public EncapsulatedTest {
  protected:
    // The indexes of the base's layers that the commit `rev` in the target can have.
    std::vector<std::size_t> kept(const std::string& rev, const oci::Image& previous) {
        const ostree::Repository repository = ostree::Repository::open(target());
        derived_walk_ = ostree::walk_commit(repository, *repository.resolve(rev));
        kept_ = ostree::find_kept_layers(repository, derived_walk_, previous);
        std::vector<std::size_t> out;
        for (const ostree::KeptLayer& layer : kept_) out.push_back(layer.index);
        return out;
    }

    std::vector<std::size_t> kept_below(const std::vector<TarBuilder>& on_top) {
        import_into_target(derived(on_top).image);
        return kept("os/derived", derived({}).image);
    }

    // The base: layer 1 has usr/a*, layer 2 usr/b*; layer 3 holds what the layout made.
    void make_three_layers() {
        make_base({TarBuilder()
                       .file("usr/a1", "1")
                       .file("usr/a2", "2")
                       .file("usr/b1", "3")
                       .file("usr/b2", "")
                       .file("etc/conf", "c")});
        const ostree::Repository repository = ostree::Repository::open(repo_path());
        const MemoryLayer first = base_.front();
        base_ = {first};
        for (const char* prefix : {"usr/a", "usr/b", ""}) {
            StringSink sink;
            oci::TarWriter tar(sink);
            for (const ostree::WalkedFile& file : walk_.files) {
                const std::string& path = file.paths.front();
                const bool is_other = path.starts_with("usr/a") || path.starts_with("usr/b");
                if (*prefix == '\0' ? is_other : !path.starts_with(prefix)) continue;
                ostree::EncapsulatedTar(repository, walk_).write_file(tar, file);
            }
            tar.finish();
            base_.push_back({sink.text, oci::Compression::zstd});
        }
    }

    // The image of ostree-ext's own commit.
    void make_golden(GoldenForm form) {
        commit_ = make_golden_repository(repo_path()).first;
        walk_ = ostree::walk_commit(ostree::Repository::open(repo_path()), ostree::CommitId::parse(commit_));
        base_.clear();
        for (const std::string& layer : golden_layers(repo_path(), commit_, form))
            base_.push_back({layer, oci::Compression::gzip});
    }

    unsigned count_ = 0;
    ostree::CommitWalk derived_walk_;
    std::vector<ostree::KeptLayer> kept_;
};

using Indexes = std::vector<std::size_t>;

TEST_F(KeptLayersTest, WhatIsStillUsedUnderTheSameNames) {
    make_three_layers();
    EXPECT_EQ(kept_below({TarBuilder().file("usr/new", "n")}), (Indexes{1, 2, 3}));
    EXPECT_EQ(kept_below({TarBuilder().file("usr/a1", "other")}), (Indexes{2, 3}));
    EXPECT_EQ(kept_below({TarBuilder().file("usr/.wh.b2", "")}), (Indexes{1, 3}));
    EXPECT_EQ(kept_below({TarBuilder().file("etc/conf", "d")}), (Indexes{1, 2}));
    // One more name of an object: the layer does not show it.
    EXPECT_EQ(kept_below({TarBuilder().hardlink("usr/a3", "usr/a1")}), (Indexes{2, 3}));
    EXPECT_EQ(kept_below({TarBuilder().file("usr/a3", "1")}), (Indexes{2, 3}))
        << "the same content is the same object";
    // Touched, but what it was.
    EXPECT_EQ(kept_below({TarBuilder().file("usr/a1", "1")}), (Indexes{1, 2, 3}));
    const oci::Image base = derived({}).image;
    ASSERT_EQ(kept_.size(), 3U);
    EXPECT_EQ(kept_[0].descriptor.digest, base.manifest.layers[1].digest);
    EXPECT_EQ(kept_[0].diff_id, base.config.diff_ids[1]);
    EXPECT_EQ(kept_[0].files.size(), 2U);
}

TEST_F(KeptLayersTest, LayersAreKnownByTheirDiffIdsToo) {
    make_three_layers();
    import_into_target(derived({TarBuilder().file("usr/new", "n")}).image);
    for (MemoryLayer& layer : base_) layer.compression = oci::Compression::none;
    EXPECT_EQ(kept("os/derived", derived({}).image), (Indexes{1, 2, 3}));
    EXPECT_EQ(kept_[0].descriptor.digest.to_string(), diff_id(base_[1]));
}

TEST_F(KeptLayersTest, NothingOfImagesThatAreNotKnown) {
    make_three_layers();
    import_into_target(derived({TarBuilder().file("usr/new", "n")}).image);
    MemoryImageOptions squashed = labels();
    squashed.labels["ostree.final-diffid"] = "sha256:" + std::string(64, 'a');
    EXPECT_EQ(kept("os/derived", derived({}, squashed).image), Indexes{});
    EXPECT_EQ(kept("os/derived", image_of({TarBuilder().file("usr/a1", "1")}).image), Indexes{});
    base_[1].tar = TarBuilder().directory("usr").finish();
    EXPECT_EQ(kept("os/derived", derived({}).image), (Indexes{2, 3}));
}

// Whoever may write to the registry may say of any blob that it is the layer.
TEST_F(KeptLayersTest, ABlobThatNobodyCheckedIsNoLayer) {
    make_three_layers();
    import_into_target(derived({TarBuilder().file("usr/new", "n")}).image);
    const ostree::Repository repository = ostree::Repository::open(target());
    const std::string good = base_[1].tar;
    const auto previous = [&](const std::string& tar, oci::Compression compression) {
        std::vector<MemoryLayer> layers = base_;
        layers[1] = {tar, compression};
        MemoryImage image = make_image(layers, labels());
        image.image.config.diff_ids[1] = oci::Digest::of(as_bytes(good));
        return image;
    };
    const auto layer_digest = [](const MemoryImage& image) { return image.image.manifest.layers[1].digest; };
    // Exports into a layout, which may have the blob; the layers of the result.
    const auto exported = [&](const MemoryImage& before, const std::string& name, bool is_there) {
        const auto sink = oci::create_layout_sink(directory_ / name, "v1");
        if (is_there) {
            const auto upload = sink->start_blob(std::nullopt);
            const auto blob = before.source->open_blob(before.image.manifest.layers[1]);
            upload->write(as_bytes(read_all(*blob, 1U << 20U, "blob")));
            upload->finish(layer_digest(before));
        }
        NoProgress progress;
        ostree::export_commit(repository, "os/derived", *sink, {.previous = before.image}, progress);
        return oci::open_image(oci::open_layout(directory_ / name, "v1"), std::nullopt);
    };
    const auto is_kept = [&](const oci::Image& image, const MemoryImage& before) {
        const auto& layers = image.manifest.layers;
        return std::any_of(layers.begin(), layers.end(), [&](const oci::Descriptor& layer) {
            return layer.digest == layer_digest(before);
        });
    };
    const std::string evil = TarBuilder().file("etc/passwd", "evil").finish();
    std::string bomb = good + std::string(8'000'000, '\0');
    for (const bool is_there : {false, true}) {
        for (const MemoryImage& lying :
             {previous(evil, oci::Compression::gzip), previous(evil, oci::Compression::none),
              previous(bomb, oci::Compression::zstd)}) {
            warnings_.clear();
            const std::string name = concat("layout", count_++);
            const oci::Image image = exported(lying, name, is_there);
            EXPECT_FALSE(is_kept(image, lying));
            EXPECT_EQ(warnings_.size(), 1U);
            // Every layer is what the config says, and the commit is whole.
            ostree::Repository back = ostree::Repository::open_or_create(directory_ / (name + "-repo"));
            NoProgress progress;
            EXPECT_EQ(ostree::pull_image(back, image, {}, progress).commit, repository.resolve("os/derived"));
        }
        // The same layer, compressed by somebody else, is checked while it is copied.
        MemoryImage other = previous(good, oci::Compression::gzip);
        const std::string toc = "io.github.containers.zstd-chunked.manifest-position";
        other.image.manifest.layers[1].annotations = {{toc, "1:2:3:1"}};
        EXPECT_FALSE(ostree::knows_blob(repository, layer_digest(other), other.image.config.diff_ids[1]));
        const oci::Image image = exported(other, concat("layout", count_++), is_there);
        EXPECT_TRUE(is_kept(image, other));
        for (const oci::Descriptor& layer : image.manifest.layers)
            EXPECT_TRUE(layer.digest != layer_digest(other) || !layer.annotations.contains(toc));
        EXPECT_EQ(other.source->opened, is_there ? 4U : 3U);
    }
    EXPECT_TRUE(ostree::knows_blob(repository, derived({}).image.manifest.layers[1].digest,
                                   derived({}).image.config.diff_ids[1]));
}

TEST_F(KeptLayersTest, LayersThatShowOtherFilesAreNotKept) {
    make_three_layers();
    TarBuilder more;
    more.file("usr/stray", "is in no commit");
    base_[1].tar = more.bytes() + base_[1].tar;
    TarBuilder elsewhere;
    elsewhere.hardlink("usr/stray", "usr/nowhere");
    base_[2].tar = elsewhere.bytes() + base_[2].tar;
    EXPECT_EQ(kept_below({TarBuilder().file("usr/new", "n")}), (Indexes{3}));
}

TEST_F(KeptLayersTest, LayersThatShowOtherDirectoriesAreNotKept) {
    make_three_layers();
    const std::vector<TarBuilder> on_top = {TarBuilder().directory("etc", 0700)};
    EXPECT_EQ(kept_below(on_top), (Indexes{1, 2})) << "a container would have the mode of before";
    base_[1].tar = TarBuilder().directory("stray").bytes() + base_[1].tar;
    base_[2].tar = TarBuilder().directory("usr", 0777).bytes() + base_[2].tar;
    EXPECT_EQ(kept_below(on_top), Indexes{});
}

TEST_F(KeptLayersTest, LayersWhoseLinksChangeTheirObjectsAreNotKept) {
    make_three_layers();
    base_[1].tar = TarBuilder().hardlink("usr/a1", object_path("usr/a1"), 04777).bytes() + base_[1].tar;
    EXPECT_EQ(kept_below({TarBuilder().file("usr/new", "n")}), (Indexes{2, 3}));
}

TEST_F(KeptLayersTest, ThePlanHasThemFirst) {
    make_three_layers();
    import_into_target(derived({TarBuilder().file("usr/new", "n").file("usr/a1", "other")}).image);
    kept("os/derived", derived({}).image);
    const auto size = [](const ostree::WalkedFile&) { return std::uint64_t{1}; };
    const auto plan = ostree::plan_layers(derived_walk_, {}, size, 10, std::nullopt, kept_);
    ASSERT_EQ(plan.size(), 3U);
    EXPECT_EQ(plan[0].kept->index, 2U);
    EXPECT_EQ(plan[0].components, std::vector<std::string>{ostree::kUnpackaged});
    EXPECT_EQ(plan[1].kept->index, 3U);
    EXPECT_FALSE(plan[2].kept);
    std::size_t files = 0;
    for (const auto& layer : plan) files += layer.files.size();
    EXPECT_EQ(files, derived_walk_.files.size());
    // With room for one the larger is kept.
    const auto few = ostree::plan_layers(derived_walk_, {}, size, 2, std::nullopt, kept_);
    ASSERT_EQ(few.size(), 2U);
    const bool second_is_larger = kept_[1].descriptor.size > kept_[0].descriptor.size;
    EXPECT_EQ(few[0].kept->index, second_is_larger ? 3U : 2U);
}

// Layers of many files, of which few are replaced.
class TailTest : public KeptLayersTest {
  protected:
    // usr/a0, usr/a1, ... in the first layer of files; usr/b and as many usr/b0, ... as `others` in the
    // second.
    void make_many(std::size_t files, std::size_t others = 0) {
        TarBuilder tar;
        for (std::size_t i = 0; i < files; ++i) tar.file(concat("usr/a", i), concat("content ", i));
        for (std::size_t i = 0; i < others; ++i) tar.file(concat("usr/b", i), concat("other content ", i));
        tar.file("usr/b", "the other layer");
        make_base({tar});
        const ostree::Repository repository = ostree::Repository::open(repo_path());
        base_.resize(1);
        for (const bool is_a : {true, false}) {
            StringSink sink;
            oci::TarWriter archive(sink);
            for (const ostree::WalkedFile& file : walk_.files) {
                if (file.paths.front().starts_with("usr/a") == is_a)
                    ostree::EncapsulatedTar(repository, walk_).write_file(archive, file);
            }
            archive.finish();
            base_.push_back({sink.text, oci::Compression::zstd});
        }
    }

    const ostree::WalkedFile& file_at(std::string_view path) const {
        return *std::find_if(walk_.files.begin(), walk_.files.end(),
                             [path](const auto& file) { return file.paths.front() == path; });
    }

    static std::uint64_t size(const ostree::WalkedFile& /*file*/) { return 1; }
};

TEST_F(TailTest, FewStaleFilesDoNotChangeALayer) {
    make_many(40);
    EXPECT_EQ(kept_below({TarBuilder().file("usr/a3", "other").file("usr/a17", "other, too")}),
              (Indexes{1, 2}));
    EXPECT_EQ(kept_[0].files.size(), 38U);
    const auto plan = ostree::plan_layers(derived_walk_, {}, size, 10, derived({}).image.manifest, kept_);
    ASSERT_EQ(plan.size(), 3U);
    EXPECT_TRUE(plan[0].kept && plan[1].kept && !plan[2].kept);
    ASSERT_EQ(plan[2].files.size(), 2U);
    EXPECT_EQ(plan[2].files[0]->paths.front(), "usr/a17");
    // An image before is what a tail needs.
    EXPECT_EQ(ostree::plan_layers(derived_walk_, {}, size, 10, std::nullopt, kept_).size(), 3U);
}

TEST_F(TailTest, ManyStaleFilesDo) {
    make_many(40);
    TarBuilder tar;
    for (std::size_t i = 0; i < 6; ++i) tar.file(concat("usr/a", i), "other");
    EXPECT_EQ(kept_below({tar}), (Indexes{2})) << "six of forty are more than an eighth";
}

TEST_F(TailTest, ANameThatIsGoneDoesToo) {
    make_many(40);
    EXPECT_EQ(kept_below({TarBuilder().file("usr/.wh.a3", "")}), (Indexes{2}));
    EXPECT_EQ(kept_below({TarBuilder().directory("usr/a3").file("usr/a3/x", "x")}), (Indexes{2}));
    EXPECT_EQ(kept_below({TarBuilder().symlink("usr/a3", "b")}), (Indexes{1, 2})) << "a link has the name";
}

TEST_F(TailTest, WhatALaterLayerHidesGoesIntoTheTail) {
    make_many(40, 20);
    // The later layer also shows an object as usr/a3 that the commit has under another name.
    const ostree::Repository repository = ostree::Repository::open(repo_path());
    StringSink sink;
    oci::TarWriter archive(sink);
    ostree::EncapsulatedTar encapsulated(repository, walk_);
    for (const ostree::WalkedFile& file : walk_.files) {
        if (!file.paths.front().starts_with("usr/a")) encapsulated.write_file(archive, file);
    }
    ostree::WalkedFile other = file_at("usr/a17");
    other.paths = {"usr/a3"};
    encapsulated.write_file(archive, other);
    archive.finish();
    base_[2].tar = sink.text;
    ASSERT_EQ(kept_below({TarBuilder().file("usr/new", "n")}), (Indexes{1, 2}));
    EXPECT_EQ(kept_[0].files.size(), 39U);
    EXPECT_TRUE(std::none_of(kept_[0].files.begin(), kept_[0].files.end(),
                             [](const ostree::WalkedFile* file) { return file->paths.front() == "usr/a3"; }));
}

TEST_F(TailTest, ALayerThatShowsTwoFilesUnderOneNameIsNotKept) {
    make_many(40);
    // Behind usr/a3 comes an object that the commit does not have, with the same name.
    StringSink sink;
    oci::TarWriter archive(sink);
    const ostree::Repository repository = ostree::Repository::open(repo_path());
    for (const ostree::WalkedFile& file : walk_.files) {
        if (file.paths.front().starts_with("usr/a"))
            ostree::EncapsulatedTar(repository, walk_).write_file(archive, file);
    }
    ostree::WalkedFile other = file_at("usr/b");
    other.paths = {"usr/a3"};
    ostree::EncapsulatedTar(repository, walk_).write_file(archive, other);
    archive.finish();
    base_[1].tar = sink.text;
    // usr/b changes, so its former object is in no file of the commit.
    EXPECT_EQ(kept_below({TarBuilder().file("usr/b", "new")}), Indexes{});
}

TEST_F(TailTest, TheLargestLayersStayAndTheOthersJoinTheTail) {
    make_many(40);
    kept_below({TarBuilder().file("usr/a3", "other")});
    ASSERT_EQ(kept_.size(), 2U);
    const auto plan = ostree::plan_layers(derived_walk_, {}, size, 2, derived({}).image.manifest, kept_);
    ASSERT_EQ(plan.size(), 2U);
    EXPECT_EQ(plan[0].kept->index, 1U);
    // What is new comes first.
    EXPECT_EQ(plan[1].files.front()->paths.front(), "usr/a3");
    EXPECT_GT(plan[1].files.size(), 1U);
}

TEST_F(TailTest, AComponentOfWhichMostChangedKeepsALayerOfItsOwn) {
    make_many(2);
    oci::Manifest previous = derived({}).image.manifest;
    previous.layers[1].annotations[ostree::kComponentsAnnotation] = "a,b";  // an earlier tail
    previous.layers[2].annotations[ostree::kComponentsAnnotation] = "a";
    ostree::CommitWalk walk;
    ostree::Owners owners;
    for (const char* package : {"a", "b"}) {
        for (int i = 0; i < 10; ++i) {
            const std::string path = concat("usr/", package, i);
            walk.files.push_back({.checksum = sha256(as_bytes(path)), .paths = {path}});
            owners.emplace(path, package);
        }
    }
    ostree::KeptLayer kept{.index = 1,
                           .descriptor = previous.layers[1],
                           .diff_id = oci::Digest::of(as_bytes("layer")),
                           .files = {&walk.files[0], &walk.files[1]}};
    for (std::size_t i = 10; i < 19; ++i) kept.files.push_back(&walk.files[i]);
    const auto plan = ostree::plan_layers(walk, owners, size, 8, previous, {kept});
    ASSERT_EQ(plan.size(), 3U);
    EXPECT_EQ(plan[1].components, std::vector<std::string>{"a"});
    EXPECT_EQ(plan[1].files.size(), 8U);
    EXPECT_EQ(plan[2].components, std::vector<std::string>{"b"});
    EXPECT_EQ(plan[2].files, std::vector<const ostree::WalkedFile*>{&walk.files[19]});
}

TEST_F(KeptLayersTest, ForeignBasesOfEveryForm) {
    for (const GoldenForm form : {GoldenForm::inlined, GoldenForm::linked, GoldenForm::v0}) {
        std::filesystem::remove_all(repo_path());
        std::filesystem::remove_all(target());
        make_golden(form);
        // Nothing on top: the very commit, with its detached metadata.
        EXPECT_EQ(import_into_target(derived({}).image).commit, commit_);
        const Listing before = list_commit(repo_path(), commit_);
        EXPECT_EQ(list_commit(target(), "os/derived"), before);
        // A layer on top: the base's files keep their attributes, labels included.
        const Listing after = listing({TarBuilder().file("etc/new", "n").file("usr/bin/.wh.sh", "")});
        EXPECT_EQ(ostree::Repository::open(target()).resolve(concat(result_->commit, "^")), commit_);
        EXPECT_EQ(content(after, "/usr/etc/new"), "n");
        EXPECT_EQ(type(after, "/usr/bin/sh"), '-');
        for (const auto& [path, listed] : before) {
            if (listed.type != 'f') continue;
            EXPECT_EQ(after.at(path), listed) << path;
        }
        EXPECT_EQ(after.at("/usr/bin/arping").xattrs.size(), 2U);
        verify_all_objects(target());
    }
}

TEST_F(KeptLayersTest, LayersOfForeignBasesAreKept) {
    make_golden(GoldenForm::inlined);
    import_into_target(derived({TarBuilder().file("etc/new", "n")}).image);
    std::set<Sha256> objects;
    for (std::size_t i = 1; i < base_.size(); ++i) {
        if (base_[i].tar.find(".file-xattrs-link") != std::string::npos)
            objects.emplace(Sha256{static_cast<std::uint8_t>(i)});
    }
    EXPECT_EQ(kept("os/derived", derived({}).image).size(), objects.size());
    EXPECT_EQ(objects.size(), 2U) << "the one for new packages is empty";
}

}  // namespace
}  // namespace osb::test

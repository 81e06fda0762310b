// From a commit to an image and back: the identical commit, the same bytes whatever the threads, and stable
// layers.
#include "ostree/export/export.hh"

#include <algorithm>
#include <atomic>
#include <filesystem>
#include <fstream>
#include <map>
#include <set>

#include "oci/transports/layout_sink.hh"
#include "oci/transports/layout_source.hh"
#include "ostree/export/kept_layers.hh"
#include "ostree/export/layer_plan.hh"
#include "ostree/import/pull.hh"
#include "ostree/tree/apk_database.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

class ExportThreads : public ImportTest {
  protected:
    // A system of a few packages, each with a file, and one that nobody owns.
    void build(const std::string& zlib) {
        const std::string database =
            "P:busybox\nV:1\nF:bin\nR:busybox\n\nP:zlib\nV:1\nF:lib\nR:libz.so\n\nP:tz\nF:usr/share/"
            "tz\nR:a\nR:b\n\n";
        bootable({TarBuilder()
                      .file("bin/busybox", std::string(5000, 'b'))
                      .file("lib/libz.so", zlib)
                      .file("usr/share/tz/a", "a")
                      .file("usr/share/tz/b", "b")
                      .file("etc/conf", "c")
                      .file("lib/apk/db/installed", database)});
    }

    ostree::ExportResult export_to(const std::string& layout, ostree::ExportOptions options) {
        const ostree::Repository repository = ostree::Repository::open(repo_path());
        const auto sink = oci::create_layout_sink(directory_ / layout, "v1");
        NoProgress progress;
        return ostree::export_commit(repository, "os/test", *sink, options, progress);
    }

    oci::Image image_in(const std::string& layout) {
        return oci::open_image(oci::open_layout(directory_ / layout, "v1"), std::nullopt);
    }
};

TEST_F(ExportThreads, TheIdenticalCommitComesBack) {
    build("zlib 1");
    for (const char* format : {"zstd:chunked", "zstd:3", "gzip:6"}) {
        const auto exported =
            export_to(std::string("layout-") + format, {.compression = oci::LayerFormat::parse(format)});
        const oci::Image image = image_in(std::string("layout-") + format);
        EXPECT_EQ(image.manifest.digest, exported.manifest_digest);
        EXPECT_EQ(image.config.labels.at("ostree.commit"), exported.commit);
        const std::string target = directory_ / std::string("pulled-") + format;
        ostree::Repository repository = ostree::Repository::open_or_create(target);
        NoProgress progress;
        EXPECT_EQ(
            ostree::pull_image(repository, image, {.ref = ostree::RefName::parse("os/pulled")}, progress)
                .commit,
            exported.commit);
        EXPECT_EQ(list_commit(target, "os/pulled"), list_commit(repo_path(), "os/test"));
        verify_all_objects(target);
    }
}

TEST_F(ExportThreads, LabelsThatFindTheCommitAreNotFree) {
    build("zlib 1");
    for (const char* key : {"ostree.commit", "ostree.final-diffid"}) {
        try {
            export_to("layout", {.labels = {{key, "x"}}});
            ADD_FAILURE() << key;
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), ErrorKind::usage);
        }
    }
}

TEST_F(ExportThreads, TheSameBytesWithAnyJobs) {
    build("zlib 1");
    const auto one = export_to("one", {.jobs = 1});
    const auto many = export_to("many", {.jobs = 5});
    EXPECT_EQ(one.manifest_digest, many.manifest_digest);
}

TEST_F(ExportThreads, ALayerChangesOnlyWithItsPackages) {
    build("zlib 1");
    const auto first = export_to("first", {});
    const oci::Image previous = image_in("first");
    build("zlib 2, and longer than before");
    const auto second = export_to("second", {.previous = previous});
    ASSERT_EQ(first.layers.size(), second.layers.size());
    std::map<std::string, oci::Digest> before;
    for (std::size_t i = 1; i < first.layers.size(); ++i)
        before.emplace(first.layers[i].annotations.at(ostree::kComponentsAnnotation), first.layers[i].digest);
    for (std::size_t i = 1; i < second.layers.size(); ++i) {
        const std::string& components = second.layers[i].annotations.at(ostree::kComponentsAnnotation);
        ASSERT_TRUE(before.contains(components)) << components;
        EXPECT_EQ(before.at(components) == second.layers[i].digest, components != "zlib") << components;
    }
}

// The repository remembers what it exported, for one format, and forgets what is damaged.
TEST_F(ExportThreads, TheLayersOfAnEarlierExportAreKnown) {
    build("zlib 1");
    export_to("first", {});
    const oci::Image previous = image_in("first");
    const ostree::Repository repository = ostree::Repository::open(repo_path());
    const auto walk = ostree::walk_commit(repository, *repository.resolve("os/test"));
    const auto known = [&](const char* format) {
        const auto kept =
            ostree::find_kept_layers(repository, walk, previous, oci::LayerFormat::parse(format));
        return kept.size();
    };
    const std::size_t all = previous.manifest.layers.size() - 1;
    EXPECT_EQ(known("zstd:chunked"), all);
    EXPECT_EQ(known("zstd:chunked:3"), 0U);
    EXPECT_EQ(ostree::find_kept_layers(repository, walk, previous).size(), 0U);
    for (const ostree::KeptLayer& layer :
         ostree::find_kept_layers(repository, walk, previous, oci::LayerFormat{}))
        EXPECT_TRUE(layer.is_verified);
    const std::filesystem::path record = std::filesystem::path(repo_path()) / "extensions/osb-oci/contents" /
                                         previous.manifest.layers[1].digest.hex();
    std::ifstream in(record);
    const std::string good((std::istreambuf_iterator<char>(in)), {});
    ASSERT_FALSE(good.empty());
    for (const std::string& bad :
         {std::string(), std::string("{}\n"), good.substr(0, good.size() - 3),
          good.substr(good.find('\n') + 1), "[]" + good, good.substr(0, good.find('\n') + 1) + "x"}) {
        std::ofstream(record, std::ios::trunc) << bad;
        EXPECT_EQ(known("zstd:chunked"), all - 1) << bad.substr(0, 60);
    }
    // The record of another layer.
    std::filesystem::copy_file(record.parent_path() / previous.manifest.layers[2].digest.hex(), record,
                               std::filesystem::copy_options::overwrite_existing);
    EXPECT_EQ(known("zstd:chunked"), all - 1);
}

// A target that has some blobs, counts those that are begun, and may lose one on its way.
class CountingTarget final : public oci::ImageSink {
  public:
    explicit CountingTarget(std::unique_ptr<oci::ImageSink> inner) : inner_(std::move(inner)) {}
    bool has_blob(const oci::Descriptor& descriptor) override { return inner_->has_blob(descriptor); }
    std::unique_ptr<oci::BlobUpload> start_blob(std::optional<std::uint64_t> size) override {
        ++begun;
        if (lose.exchange(false)) return std::make_unique<Lost>();
        return inner_->start_blob(size);
    }
    void put_manifest(const std::string& raw, std::string_view media_type) override {
        inner_->put_manifest(raw, media_type);
    }
    std::atomic<unsigned> begun{0};
    std::atomic<bool> lose{false};

  private:
    class Lost final : public oci::BlobUpload {
      public:
        void write(ByteView /*bytes*/) override { throw oci::UploadLost("lost"); }
        void finish(const oci::Digest& /*digest*/) override { throw oci::UploadLost("lost"); }
    };
    std::unique_ptr<oci::ImageSink> inner_;
};

TEST_F(ExportThreads, WhatTheTargetHasIsNotSentAgain) {
    build("zlib 1");
    const ostree::Repository repository = ostree::Repository::open(repo_path());
    NoProgress progress;
    const auto send = [&](const char* tag, const char* format, bool lose) {
        CountingTarget target(oci::create_layout_sink(directory_ / "target", tag));
        target.lose = lose;
        const auto result = ostree::export_commit(repository, "os/test", target,
                                                  {.compression = oci::LayerFormat::parse(format)}, progress);
        return std::pair(target.begun.load(), result.manifest_digest.to_string());
    };
    const auto first = send("v1", "gzip:6", false);
    EXPECT_GT(first.first, 3U);
    EXPECT_EQ(send("v2", "gzip:6", false), std::pair(0U, first.second));
    EXPECT_GT(send("v3", "gzip:1", false).first, 3U);
    // Without what the repository remembers the layers are made again, and are the same.
    std::filesystem::remove_all(repo_path() + "/extensions/osb-oci");
    EXPECT_EQ(send("v4", "gzip:6", true).second, first.second);
}

TEST_F(ExportThreads, ALayerThatIsLostOnItsWayIsSentAgain) {
    build("zlib 1");
    const ostree::Repository repository = ostree::Repository::open(repo_path());
    NoProgress progress;
    CountingTarget target(oci::create_layout_sink(directory_ / "target", "v1"));
    target.lose = true;
    const auto lost = ostree::export_commit(repository, "os/test", target, {}, progress);
    EXPECT_EQ(target.begun, lost.layers.size() + 2);  // the config, and the layer that was lost
    EXPECT_EQ(lost.manifest_digest, export_to("whole", {}).manifest_digest);
}

TEST_F(ExportThreads, FewLayersHoldEverything) {
    build("zlib 1");
    const auto exported = export_to("few", {.max_layers = 3});
    EXPECT_EQ(exported.layers.size(), 3U);
    ostree::Repository repository = ostree::Repository::open_or_create(directory_ / "target");
    NoProgress progress;
    EXPECT_EQ(ostree::pull_image(repository, image_in("few"), {}, progress).commit, exported.commit);
    EXPECT_THROW(export_to("fewer", {.max_layers = 2}), Error);
}

// Names of packages go into JSON, and into lists with commas.
TEST_F(ExportThreads, PackagesWhoseNamesAreNone) {
    const std::string database =
        "P:bad\xff\nV:1\nF:lib\nR:a\n\nP:b,c\nV:1\nF:lib\nR:b\n\nP:" + std::string(300, 'n') +
        "\nV:1\nF:lib\nR:c\n\nP:good\nV:1\nF:lib\nR:d\n\n";
    const std::map<std::string, std::string, std::less<>> owners{{"lib/d", "good"}, {"usr/lib/d", "good"}};
    EXPECT_EQ(ostree::package_owners(database), owners);
    EXPECT_EQ(ostree::package_versions(database),
              (std::map<std::string, std::string, std::less<>>{{"good", "1"}}));
    bootable({TarBuilder()
                  .file("lib/a", "a")
                  .file("lib/b", "b")
                  .file("lib/c", "c")
                  .file("lib/d", "d")
                  .file("lib/apk/db/installed", database)});
    export_to("layout", {});
    std::set<std::string> components;
    for (const oci::Descriptor& layer : image_in("layout").manifest.layers) {
        const auto found = layer.annotations.find(ostree::kComponentsAnnotation);
        if (found != layer.annotations.end()) components.insert(found->second);
    }
    EXPECT_EQ(components, (std::set<std::string>{"good", ostree::kUnpackaged}));
}

TEST(ApkDatabase, OwnersAreWhereImportPutsTheFiles) {
    const auto owners = ostree::package_owners(
        "C:x\nP:musl\nF:lib\nR:ld.so\na:0:0:755\n\nP:a\nF:etc\nR:a.conf\nF:\nR:top\n\nF:usr\nR:"
        "nobodys\ngarbage\nP:b\nF:usr/bin\nR:b");
    EXPECT_EQ(owners.at("usr/lib/ld.so"), "musl");
    EXPECT_EQ(owners.at("usr/etc/a.conf"), "a");
    EXPECT_EQ(owners.at("top"), "a");
    EXPECT_EQ(owners.at("usr/bin/b"), "b");
    EXPECT_EQ(owners.at("lib/ld.so"), "musl");
    EXPECT_EQ(owners.at("etc/a.conf"), "a");
    EXPECT_EQ(owners.size(), 6U);
}

}  // namespace
}  // namespace osb::test

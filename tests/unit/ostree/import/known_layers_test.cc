// Layers that need not be read: known from an earlier import, or whose objects are all there.
#include "ostree/import/known_layers.hh"

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/hash.hh"
#include "oci/chunked/zstd_chunked_toc.hh"
#include "oci/codec/unzstd.hh"
#include "oci/codec/zstd_frames.hh"
#include "oci/documents/json.hh"
#include "oci/transports/layout_sink.hh"
#include "oci/transports/layout_source.hh"
#include "ostree/export/export.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/fetch_layers.hh"
#include "ostree/import/fetch_plan.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/import/pull.hh"
#include "ostree/objects/commit_signers.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"
#include "tests/support/test_keys.hh"
#include "tests/support/thrown_kind.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

// Counts what is read of an image.
class CountedSource final : public oci::ImageSource {
  public:
    explicit CountedSource(std::shared_ptr<oci::ImageSource> inner) : inner_(std::move(inner)) {}

    oci::Document root() override { return inner_->root(); }
    std::unique_ptr<Source> open_blob(const oci::Descriptor& descriptor) override {
        if (descriptor.media_type.find("layer") != std::string::npos && layers++ >= fail_after)
            throw Error(ErrorKind::unavailable, "the network is gone");
        return inner_->open_blob(descriptor);
    }
    std::unique_ptr<Source> open_range(const oci::Descriptor& descriptor, std::uint64_t offset,
                                       std::uint64_t length) override {
        if (ranges++ >= fail_after_ranges) throw Error(ErrorKind::unavailable, "the network is gone");
        if (const auto table = tables.find({descriptor.digest.to_string(), offset}); table != tables.end())
            return std::make_unique<MemorySource>(as_bytes(table->second));
        if (damaged) {
            static const std::string rubbish(1 << 20, 'x');
            return std::make_unique<MemorySource>(as_bytes(rubbish));
        }
        return inner_->open_range(descriptor, offset, length);
    }

    bool damaged = false;  // the ranges
    // What stands in place of tables of contents, by the blob and the offset.
    std::map<std::pair<std::string, std::uint64_t>, std::string> tables;
    unsigned fail_after = 1000;         // so many layers
    unsigned fail_after_ranges = 1000;  // so many ranges
    std::atomic<unsigned> layers{0};
    std::atomic<unsigned> ranges{0};

  private:
    std::shared_ptr<oci::ImageSource> inner_;
};

class KnownLayersTest : public ImportTest {
  protected:
    // A system of two packages and what belongs to none, as an image that holds its commit.
    oci::Image make(const std::string& name, const std::string& zlib, const char* format = "zstd:chunked") {
        const std::string database = "P:busybox\nF:bin\nR:busybox\nR:sh\n\nP:zlib\nF:lib\nR:libz.so\n\n";
        TarBuilder layer;
        layer.file("bin/busybox", std::string(5000, 'b'));
        layer.symlink("bin/sh", "busybox").file("lib/libz.so", zlib).file("etc/conf", "c");
        bootable({layer.file("lib/apk/db/installed", database)});
        const ostree::Repository repository = ostree::Repository::open(repo_path());
        NoProgress progress;
        if (signs_) {
            ostree::Repository signing = ostree::Repository::open(repo_path());
            ostree::sign_stored_commit(signing, signing.resolve("os/test").value(),
                                       {.keys = {ed25519_key(1)}});
        }
        {
            const auto sink = oci::create_layout_sink(directory_ / name, "v1");
            ostree::export_commit(repository, "os/test", *sink,
                                  {.compression = oci::LayerFormat::parse(format)}, progress);
        }
        source_ = std::make_shared<CountedSource>(oci::open_layout(directory_ / name, "v1"));
        return oci::open_image(source_, std::nullopt);
    }

    // A repository with the commit, that has read no layer as import does.
    ostree::Repository pulled(const oci::Image& image) {
        make_quick(directory_ / "target");
        ostree::Repository out = ostree::Repository::open(directory_ / "target");
        NoProgress progress;
        ostree::pull_image(out, image, {.ref = ostree::RefName::parse("os/pulled")}, progress);
        source_->layers = 0;
        return out;
    }

    static ostree::ImportResult import_expecting(ostree::Repository& repository, const oci::Image& image,
                                                 bool expect_objects) {
        NoProgress progress;
        ostree::ImportOptions options;
        options.ref = ostree::RefName::parse("os/next");
        options.fetch = expect_objects ? ostree::FetchWay::automatic : ostree::FetchWay::layers;
        return ostree::import_image(repository, image, options, progress);
    }

    // Makes the manifest name another table for the layer, with other entries.
    void change_table(oci::Descriptor& layer, const std::function<void(oci::Json::array_t&)>& change) {
        oci::TocLocation location = oci::find_toc(layer).value();
        const std::string packed = oci::read_range(*source_, layer, location.toc.offset, location.toc.size);
        MemorySource source(as_bytes(packed));
        const std::string text = read_all(*oci::unzstd(source), oci::kMaxToc, "the table");
        oci::Json table = oci::parse_json(text, "the table");
        change(table.at("entries").get_ref<oci::Json::array_t&>());
        const std::string shorter = table.dump();
        std::string& out = source_->tables[{layer.digest.to_string(), location.toc.offset}];
        oci::ZstdFrames(1).compress(as_bytes(shorter), out);
        location.toc.size = out.size();
        location.toc.uncompressed_size = shorter.size();
        location.toc_digest = sha256(as_bytes(out));
        for (const auto& [key, value] : oci::toc_annotations(location)) layer.annotations[key] = value;
    }

    // A table without the content objects.
    void leave_out_files(oci::Descriptor& layer) {
        change_table(layer, [](oci::Json::array_t& entries) {
            std::erase_if(entries, [](const oci::Json& entry) {
                return entry.at("name").get<std::string>().find(".file") != std::string::npos;
            });
        });
    }

    static std::vector<ostree::PlannedWay> plan(const ostree::Repository& repository,
                                                const oci::Image& image) {
        ostree::ImageTables tables(image);
        ostree::ImageDeltas deltas(image);
        return ostree::plan_fetch(repository, image, tables, deltas);
    }

    static std::uint64_t size_of(const oci::Image& image) {
        std::uint64_t out = 0;
        for (const oci::Descriptor& layer : image.manifest.layers) out += layer.size;
        return out;
    }

    // The number of layers that an import would not read again.
    static std::size_t count_known(const ostree::Repository& repository, const oci::Image& image) {
        const auto layers = ostree::known_layers(repository, image);
        return layers.size() - static_cast<std::size_t>(std::count(layers.begin(), layers.end(), nullptr));
    }

    static std::uint64_t fetch(ostree::Repository& repository, const oci::Image& image, std::uint64_t batch,
                               unsigned threads = 1) {
        ostree::ImageTables tables(image);
        NoProgress progress;
        return ostree::fetch_layers(repository, image, tables, ostree::FetchWay::automatic, threads, progress,
                                    batch);
    }

    bool signs_ = false;
    std::shared_ptr<CountedSource> source_;
};

TEST_F(KnownLayersTest, OfLayersWhoseObjectsAreThereTheTableIsRead) {
    const oci::Image image = make("first", "zlib 1");
    ostree::Repository repository = pulled(image);
    const std::size_t layers = image.manifest.layers.size();
    ASSERT_GE(layers, 3U);
    EXPECT_EQ(count_known(repository, image), 0U);
    const auto ways = plan(repository, image);
    ASSERT_EQ(ways.size(), 2U);
    EXPECT_EQ(ways[0].way, "objects");
    EXPECT_EQ(ways[0].requests, layers + 1);  // the tables, and the commit
    EXPECT_EQ(ways[1].way, "layers");
    EXPECT_EQ(ways[1].bytes, size_of(image));
    EXPECT_EQ(source_->layers, 0U);

    const ostree::ImportResult result = import_expecting(repository, image, true);
    EXPECT_EQ(result.commit, ostree::promised_commit(image));
    EXPECT_EQ(result.layers_reused, layers);
    EXPECT_EQ(result.transfer.way, "objects");
    EXPECT_EQ(result.transfer.layer_bytes, size_of(image));
    EXPECT_EQ(source_->layers, 0U);
    // They are known now, so their tables are not read again.
    EXPECT_EQ(count_known(repository, image), layers);
    EXPECT_EQ(plan(repository, image).front().way, "none");
}

TEST_F(KnownLayersTest, WithoutThatAllAreRead) {
    const oci::Image image = make("first", "zlib 1");
    ostree::Repository repository = pulled(image);
    const ostree::ImportResult result = import_expecting(repository, image, false);
    EXPECT_EQ(result.commit, ostree::promised_commit(image));
    EXPECT_EQ(result.layers_reused, 0U);
    EXPECT_EQ(source_->ranges, 0U);
    // From then on they are known.
    for (const auto& layer : ostree::known_layers(repository, image)) EXPECT_NE(layer, nullptr);
}

TEST_F(KnownLayersTest, OfAChangedPackageOnlyTheFilesAreFetched) {
    ostree::Repository repository = pulled(make("first", "zlib 1"));
    const oci::Image next = make("second", "zlib 2");
    const ostree::ImportResult result = import_expecting(repository, next, true);
    EXPECT_EQ(result.commit, ostree::promised_commit(next));
    EXPECT_EQ(source_->layers, 0U);
    EXPECT_EQ(result.transfer.way, "objects");
    EXPECT_EQ(list_commit(directory_ / "target", "os/next"), list_commit(repo_path(), "os/test"));
    // A table is remembered as such, and not as the layer's verified content.
    const auto known = ostree::known_layers(repository, next);
    for (const auto& layer : known) {
        ASSERT_NE(layer, nullptr);
        EXPECT_TRUE(layer->table.has_value());
    }
    for (std::size_t i = 0; i < known.size(); ++i) {
        EXPECT_FALSE(ostree::knows_blob(repository, next.manifest.layers[i].digest, next.config.diff_ids[i]));
    }
}

TEST_F(KnownLayersTest, APullKeepsTheObjectsThatCameBeforeTheNetworkFailed) {
    ostree::Repository repository = pulled(make("first", "zlib 1"));
    const oci::Image next = make("second", "zlib 2");
    const auto objects = [&] {
        const std::filesystem::recursive_directory_iterator all(directory_ / "target/objects");
        return std::distance(begin(all), end(all));
    };
    const auto pull = [&] {
        NoProgress progress;
        return ostree::pull_image(repository, next, {.ref = ostree::RefName::parse("os/pulled")}, progress);
    };
    const auto before = objects();
    const ostree::CommitId old = repository.resolve("os/pulled").value();
    source_->fail_after_ranges = static_cast<unsigned>(next.manifest.layers.size()) + 1;  // tables, and one
    EXPECT_EQ(thrown_kind(pull), ErrorKind::unavailable);
    EXPECT_GT(objects(), before);
    EXPECT_EQ(repository.resolve("os/pulled"), old);
    source_->fail_after_ranges = 1000;
    EXPECT_EQ(pull().commit, ostree::promised_commit(next));
}

TEST_F(KnownLayersTest, ATableOfOneImageIsNoEvidenceForAnother) {
    ostree::Repository repository = pulled(make("first", "zlib 1"));
    oci::Image next = make("second", "zlib 2");
    import_expecting(repository, next, true);
    ASSERT_EQ(count_known(repository, next), next.manifest.layers.size());
    for (const auto& layer : ostree::known_layers(repository, next, ostree::Evidence::archives))
        EXPECT_EQ(layer, nullptr);
    // The same blobs, of which another manifest says something else.
    oci::Image other = next;
    for (oci::Descriptor& layer : other.manifest.layers) {
        auto location = oci::find_toc(layer).value();
        location.toc_digest.front() ^= 1U;
        for (const auto& [key, value] : oci::toc_annotations(location)) layer.annotations[key] = value;
    }
    EXPECT_EQ(count_known(repository, other), 0U);
    // An import of whole layers relies on no table.
    ostree::ImportOptions options;
    options.ref = ostree::RefName::parse("os/whole");
    options.fetch = ostree::FetchWay::layers;
    NoProgress progress;
    source_->layers = 0;
    EXPECT_EQ(ostree::import_image(repository, other, options, progress).transfer.way, "layers");
    EXPECT_EQ(source_->layers, other.manifest.layers.size());
}

TEST_F(KnownLayersTest, APullFetchesTheFilesToo) {
    ostree::Repository repository = pulled(make("first", "zlib 1"));
    const oci::Image next = make("second", "zlib 2");
    NoProgress progress;
    const ostree::PullResult result =
        ostree::pull_image(repository, next, {.ref = ostree::RefName::parse("os/next")}, progress);
    EXPECT_EQ(result.commit, ostree::promised_commit(next));
    EXPECT_EQ(result.transfer.way, "objects");
    EXPECT_EQ(source_->layers, 0U);
    EXPECT_EQ(list_commit(directory_ / "target", "os/next"), list_commit(repo_path(), "os/test"));
}

TEST_F(KnownLayersTest, WrongBytesInARangeCostAWholeLayer) {
    ostree::Repository repository = pulled(make("first", "zlib 1"));
    const oci::Image next = make("second", "zlib 2");
    ostree::ImageTables tables(next);
    for (std::size_t i = 0; i < next.manifest.layers.size(); ++i) ASSERT_NE(tables.find(i), nullptr);
    source_->damaged = true;  // from now on, but the tables are here
    NoProgress progress;
    ostree::ImportOptions options;
    options.ref = ostree::RefName::parse("os/next");
    options.tables = &tables;
    const ostree::ImportResult result = ostree::import_image(repository, next, options, progress);
    EXPECT_EQ(result.commit, ostree::promised_commit(next));
    EXPECT_GT(source_->layers, 0U);
    EXPECT_EQ(list_commit(directory_ / "target", "os/next"), list_commit(repo_path(), "os/test"));
}

TEST_F(KnownLayersTest, ATableThatLeavesOutAnObjectCostsWholeLayers) {
    for (const bool is_pull : {false, true}) {
        SCOPED_TRACE(is_pull);
        std::filesystem::remove_all(directory_ / "target");
        std::filesystem::remove_all(directory_ / "first");
        std::filesystem::remove_all(directory_ / "second");
        ostree::Repository repository = pulled(make("first", is_pull ? "zlib 1" : "zlib 3"));
        oci::Image next = make("second", is_pull ? "zlib 2" : "zlib 4");
        for (std::size_t i = 1; i < next.manifest.layers.size(); ++i)
            leave_out_files(next.manifest.layers[i]);
        NoProgress progress;
        ostree::ImportOptions options;
        options.ref = ostree::RefName::parse("os/next");
        const auto fetch = [&](ostree::FetchWay way) {
            options.fetch = way;
            if (!is_pull) return ostree::import_image(repository, next, options, progress).commit;
            return ostree::pull_image(repository, next, {.ref = options.ref, .fetch = way}, progress).commit;
        };
        EXPECT_EQ(thrown_kind([&] { fetch(ostree::FetchWay::objects); }), ErrorKind::invalid);
        EXPECT_EQ(source_->layers, 0U);
        EXPECT_EQ(fetch(ostree::FetchWay::automatic), ostree::promised_commit(next));
        EXPECT_EQ(source_->layers, next.manifest.layers.size());
        EXPECT_EQ(list_commit(directory_ / "target", "os/next"), list_commit(repo_path(), "os/test"));
    }
}

TEST_F(KnownLayersTest, SignaturesThatTheTableDoesNotDescribeCostAWholeLayer) {
    signs_ = true;
    ostree::Repository repository = pulled(make("first", "zlib 1"));
    oci::Image next = make("second", "zlib 2");
    change_table(next.manifest.layers[0], [](oci::Json::array_t& entries) {
        for (oci::Json& entry : entries) {
            if (entry.at("name").get<std::string>().ends_with(".commitmeta"))
                entry["digest"] = "sha256:" + std::string(64, 'a');
        }
    });
    NoProgress progress;
    const auto ref = ostree::RefName::parse("os/next");
    const ostree::CommitId commit = ostree::pull_image(repository, next, {.ref = ref}, progress).commit;
    EXPECT_EQ(source_->layers, 1U);
    EXPECT_EQ(ostree::read_detached_metadata(repository, commit),
              ostree::read_detached_metadata(ostree::Repository::open(repo_path()), commit));
}

TEST_F(KnownLayersTest, AWayThatTheImageDoesNotOfferIsRefused) {
    const oci::Image gzip = make("gzip", "zlib 1", "gzip");
    ostree::Repository repository = pulled(gzip);
    NoProgress progress;
    for (const auto way : {ostree::FetchWay::objects, ostree::FetchWay::delta}) {
        ostree::ImportOptions options;
        options.ref = ostree::RefName::parse("os/next");
        options.fetch = way;
        options.subject = "not the commit in the image";
        EXPECT_EQ(thrown_kind([&] { ostree::import_image(repository, gzip, options, progress); }),
                  ErrorKind::usage);
    }
}

TEST_F(KnownLayersTest, WithoutATableThatCanBeReadTheLayerIs) {
    const oci::Image image = make("first", "zlib 1");
    ostree::Repository repository = pulled(image);
    source_->damaged = true;
    EXPECT_EQ(plan(repository, image).front().way, "layers");
    EXPECT_EQ(import_expecting(repository, image, true).commit, ostree::promised_commit(image));
    EXPECT_EQ(source_->layers, image.manifest.layers.size());
}

TEST_F(KnownLayersTest, OtherLayersHaveNoTable) {
    const oci::Image gzip = make("gzip", "zlib 1", "gzip");
    ostree::Repository repository = pulled(gzip);
    EXPECT_EQ(plan(repository, gzip).size(), 1U);
    EXPECT_EQ(import_expecting(repository, gzip, true).commit, ostree::promised_commit(gzip));
    EXPECT_EQ(source_->layers, gzip.manifest.layers.size());
    EXPECT_EQ(source_->ranges, 0U);
}

TEST_F(KnownLayersTest, AreKeptAsLongAsARefNamesTheirCommit) {
    const oci::Image image = make("first", "zlib 1", "gzip");
    ostree::Repository repository = pulled(image);
    const ostree::CommitId first = import_expecting(repository, image, false).commit;
    const auto forget = [&] {
        ostree::Transaction transaction(repository);
        transaction.lock_refs();
        ostree::forget_unused_layers(transaction, repository, {});
        transaction.commit();
    };
    forget();
    EXPECT_EQ(count_known(repository, image), image.manifest.layers.size());
    // Another image takes the ref; the commit of the first has one still.
    import_expecting(repository, make("second", "zlib 2", "gzip"), false);
    forget();
    ASSERT_EQ(repository.resolve("os/pulled"), first);
    EXPECT_EQ(count_known(repository, image), image.manifest.layers.size());
    {
        ostree::Transaction transaction(repository);
        transaction.lock_refs();
        transaction.delete_ref("os/pulled");
        transaction.commit();
    }
    forget();
    EXPECT_LT(count_known(repository, image), image.manifest.layers.size());
}

TEST_F(KnownLayersTest, AFetchInBatchesKeepsWhatCame) {
    const oci::Image image = make("first", "zlib 1", "gzip");
    make_quick(directory_ / "target");
    ostree::Repository repository = ostree::Repository::open(directory_ / "target");
    // Nothing to gain for a small one.
    EXPECT_EQ(fetch(repository, image, ostree::kFetchBatch), 0U);
    EXPECT_EQ(source_->layers, 0U);
    source_->fail_after = 1;
    EXPECT_THROW(fetch(repository, image, 1), Error);
    EXPECT_EQ(count_known(repository, image), 1U);
    source_->fail_after = 1000;
    source_->layers = 0;
    EXPECT_GT(fetch(repository, image, 1), 0U);
    EXPECT_EQ(source_->layers, image.manifest.layers.size() - 2);  // neither the one that came, nor the first
    EXPECT_EQ(import_expecting(repository, image, false).commit, ostree::promised_commit(image));
    EXPECT_EQ(source_->layers, image.manifest.layers.size() - 1);
    EXPECT_EQ(list_commit(directory_ / "target", "os/next"), list_commit(repo_path(), "os/test"));
}

TEST_F(KnownLayersTest, ObjectsInBatchesAreNotFetchedTwice) {
    ostree::Repository repository = pulled(make("first", "zlib 1"));
    const oci::Image next = make("second", std::string(3000, 'z'));
    const auto ways = plan(repository, next);
    EXPECT_GT(fetch(repository, next, 1), 0U);
    const auto rest = plan(repository, next);
    EXPECT_LT(rest.front().bytes, ways.front().bytes);
    EXPECT_LT(rest.front().requests, ways.front().requests);
    EXPECT_EQ(import_expecting(repository, next, true).commit, ostree::promised_commit(next));
    EXPECT_EQ(source_->layers, 0U);
    EXPECT_EQ(list_commit(directory_ / "target", "os/next"), list_commit(repo_path(), "os/test"));
}

TEST_F(KnownLayersTest, AFetchOfAnOrdinaryImage) {
    const MemoryImage image = image_of({TarBuilder().file("usr/a", "1"), TarBuilder().file("usr/b", "2")});
    make_quick(directory_ / "target");
    ostree::Repository repository = ostree::Repository::open(directory_ / "target");
    EXPECT_GT(fetch(repository, image.image, 1, 2), 0U);
    EXPECT_EQ(image.source->opened, 2U);
    EXPECT_EQ(import_expecting(repository, image.image, false).layers_reused, 2U);
    EXPECT_EQ(image.source->opened, 2U);
    EXPECT_EQ(content(list_commit(directory_ / "target", "os/next"), "/usr/b"), "2");
}

}  // namespace
}  // namespace osb::test

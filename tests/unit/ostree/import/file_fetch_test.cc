// Files out of the zstd:chunked layers of ordinary images.
#include "ostree/import/file_fetch.hh"

#include "ostree/import/fetch_layers.hh"
#include "ostree/import/fetch_plan.hh"
#include "ostree/import/known_layers.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"
#include "tests/support/chunked_layer.hh"
#include "tests/support/thrown_kind.hh"
#include "tests/unit/ostree/import_fixture.hh"

namespace osb::test {
namespace {

// So long that half of the files are less than what makes a whole layer cheaper, and do not compress.
std::string noise(unsigned seed) {
    std::string out;
    for (unsigned i = 0; i < 100; ++i) out += to_hex(sha256(as_bytes(concat(seed, ' ', i))));
    return out;
}

class FileFetchThreads : public ImportTest {
  protected:
    static TarBuilder system(const std::string& changed) {
        TarBuilder out;
        out.directory("usr").directory("usr/lib");
        for (unsigned i = 0; i < 20; ++i) out.file(concat("usr/lib/", i), noise(i));
        return out.file("usr/lib/changed", changed).file("usr/lib/empty", "").symlink("lib", "usr/lib");
    }
    // As of a writer without tar-split data.
    static MemoryImage chunked(const TarBuilder& layer) {
        return make_image({with_table(chunked_layer(layer.finish()), [](oci::Toc& /*table*/) {})});
    }
    static MemoryImage provable(const TarBuilder& layer) {
        return make_image({chunked_layer(layer.finish())});
    }

    static MemoryLayer layer_with_annotations() { return chunked_layer(system(noise(101)).finish()); }

    ostree::ImportResult import_to(const std::string& name, const oci::Image& image,
                                   ostree::FetchWay way = ostree::FetchWay::automatic) {
        ostree::Repository repository = open(name);
        ostree::ImportOptions options;
        options.ref = ostree::RefName::parse("os/test");
        options.layout = ostree::Layout::plain;
        options.parent = ostree::Parent::none;
        options.fetch = way;
        options.jobs = 2;
        NoProgress progress;
        return ostree::import_image(repository, image, options, progress);
    }

    ostree::Repository open(const std::string& name) {
        make_quick(directory_ / name);
        return ostree::Repository::open(directory_ / name);
    }

    std::uint64_t fetch_batches(const std::string& name, const oci::Image& image) {
        ostree::Repository repository = open(name);
        ostree::ImageTables tables(image);
        NoProgress progress;
        return ostree::fetch_layers(repository, image, tables, ostree::FetchWay::automatic, 1, progress, 1);
    }

    std::vector<ostree::PlannedWay> plan(const std::string& name, const oci::Image& image) {
        const ostree::Repository repository = open(name);
        ostree::ImageTables tables(image);
        return ostree::plan_without_delta(repository, image, tables);
    }

    // Imports the second image over the first, and expects the commit of a full import.
    ostree::ImportResult update(const MemoryImage& first, const MemoryImage& second) {
        import_to("target", first.image);
        second.source->opened = 0;
        second.source->ranges = 0;
        ostree::ImportResult result = import_to("target", second.image);
        opened_ = second.source->opened;
        EXPECT_EQ(result.commit, import_to("whole", second.image, ostree::FetchWay::layers).commit);
        EXPECT_EQ(list_commit(directory_ / "target", "os/test"),
                  list_commit(directory_ / "whole", "os/test"));
        return result;
    }

    // "target" gets an image; returns one with eight new files, which are far enough from each other to be
    // fetched one by one.
    MemoryImage with_eight_new_files() {
        TarBuilder known;
        TarBuilder layer;
        for (unsigned i = 0; i < 8; ++i) {
            std::string large;
            for (unsigned part = 0; part < 16; ++part) large += noise(1000 + 16 * i + part);
            known.file(concat("usr/", i), large);
            layer.file(concat("usr/", i), large).file(concat("usr/new", i), noise(200 + i));
        }
        import_to("target", chunked(known).image);
        return chunked(layer);
    }

    unsigned opened_ = 0;  // layers by the last update()
};

TEST_F(FileFetchThreads, OnlyAChangedFileIsFetched) {
    const MemoryImage second = chunked(system(noise(101)));
    const ostree::ImportResult result = update(chunked(system(noise(100))), second);
    EXPECT_EQ(result.transfer.way, "files");
    EXPECT_EQ(result.layers_reused, 1U);
    EXPECT_EQ(opened_, 0U);
    EXPECT_EQ(second.source->ranges, 2U);  // the table and the file
    EXPECT_LT(result.bytes_read * 4, result.transfer.layer_bytes);
    // It is known by its table, and by that only.
    const ostree::Repository repository = open("target");
    EXPECT_NE(ostree::known_layers(repository, second.image).front(), nullptr);
    EXPECT_EQ(ostree::known_layers(repository, second.image, ostree::Evidence::archives).front(), nullptr);
    EXPECT_EQ(plan("target", second.image).front().way, "none");
}

TEST_F(FileFetchThreads, OtherMetadataAndNamesNeedNoFetch) {
    TarBuilder second;
    second.file("usr/share/renamed", noise(1), 0755).file("usr/lib/2", noise(2), 04700);
    second.file("usr/lib/3", noise(3)).file("usr/lib/again", noise(3)).hardlink("usr/lib/link", "usr/lib/3");
    const MemoryImage image = chunked(second);
    const ostree::ImportResult result = update(chunked(system("x")), image);
    EXPECT_EQ(result.transfer.way, "files");
    EXPECT_EQ(image.source->ranges, 1U);  // the table
    EXPECT_EQ(opened_, 0U);
}

TEST_F(FileFetchThreads, TheNextUpdateKnowsTheFilesOfTheLast) {
    update(chunked(system(noise(100))), chunked(system(noise(101))));
    TarBuilder next = system("new");
    const MemoryImage third = chunked(next.file("usr/lib/copy", noise(101)));
    EXPECT_EQ(import_to("target", third.image).transfer.way, "files");
    EXPECT_EQ(third.source->opened, 0U);
    EXPECT_LT(plan("whole", third.image).front().bytes, third.image.manifest.layers.front().size / 2);
}

TEST_F(FileFetchThreads, WithoutKnownDigestsNoTableIsRead) {
    const MemoryImage image = chunked(system("x"));
    EXPECT_EQ(plan("target", image.image).front().way, "layers");
    EXPECT_EQ(import_to("target", image.image).transfer.way, "layers");
    EXPECT_EQ(image.source->ranges, 0U);
    const MemoryImage other = chunked(system("y"));
    EXPECT_EQ(import_to("empty", other.image, ostree::FetchWay::objects).transfer.way, "files");
    EXPECT_EQ(other.source->opened, 0U);
}

TEST_F(FileFetchThreads, WrongBytesCostTheWholeLayer) {
    const MemoryImage second = chunked(system(noise(101)));
    for (const unsigned good : {0U, 1U}) {  // the table, the file
        second.source->good_ranges = good;
        std::filesystem::remove_all(directory_ / "target");
        update(chunked(system(noise(100))), second);
        EXPECT_EQ(opened_, 1U);
    }
}

TEST_F(FileFetchThreads, ATableThatContradictsTheLayerCostsTheWholeLayer) {
    const auto change = [](const std::string& path, const auto& how) {
        return with_table(chunked_layer(system(noise(101)).finish()), [&](oci::Toc& table) {
            for (oci::TocEntry& entry : table.entries) {
                if (entry.tar.path == path) how(entry);
            }
        });
    };
    const std::vector<MemoryLayer> layers{
        change("usr/lib/changed", [](oci::TocEntry& entry) { entry.digest->front() ^= 1U; }),
        change("usr/lib/changed", [](oci::TocEntry& entry) { entry.chunks.front().size = --entry.tar.size; }),
        change("usr/lib/changed", [](oci::TocEntry& entry) { entry.tar.path = ".wh.full"; }),
        change("usr/lib/empty", [](oci::TocEntry& entry) { entry.tar.path = "usr/lib/../x"; }),
        change("lib", [](oci::TocEntry& entry) { entry.tar.link_target.assign(5000, 'x'); })};
    for (const MemoryLayer& layer : layers) {
        std::filesystem::remove_all(directory_ / "target");
        std::filesystem::remove_all(directory_ / "whole");
        update(chunked(system(noise(100))), make_image({layer}));
        EXPECT_EQ(opened_, 1U);
    }
}

TEST_F(FileFetchThreads, WithTarSplitDataTheDiffIdIsChecked) {
    for (const auto mode : {ostree::RepoMode::archive, ostree::RepoMode::bare_user}) {
        std::filesystem::remove_all(directory_ / "target");
        ostree::Repository::create(directory_ / "target", mode);
        TarBuilder next = system(noise(101));
        next.file("usr/large", std::string(3UL << 20U, 'x')).file("usr/seven", noise(7), 0600);
        next.hardlink("usr/link", "usr/large").device("null", '3', 1, 3).file(".wh.gone", "");
        const MemoryImage second = provable(next);
        const ostree::ImportResult result = update(provable(system(noise(100))), second);
        EXPECT_EQ(result.transfer.way, "files");
        EXPECT_EQ(opened_, 0U);
        EXPECT_EQ(second.source->ranges, 3U);  // the table, the files and the tar-split data
        // It is as good as a layer that was read.
        const ostree::Repository repository = open("target");
        const auto known = ostree::known_layers(repository, second.image, ostree::Evidence::archives);
        ASSERT_NE(known.front(), nullptr);
        EXPECT_FALSE(known.front()->table.has_value());
    }
}

TEST_F(FileFetchThreads, ATableThatListsAnotherArchiveCostsTheWholeLayer) {
    const MemoryLayer layer = chunked_layer(system(noise(101)).finish());
    const auto change = [&layer](const std::string& path, const auto& how) {
        return with_table(
            layer,
            [&](oci::Toc& table) {
                for (oci::TocEntry& entry : table.entries) {
                    if (entry.tar.path == path) how(table, entry);
                }
            },
            TarSplit::kept);
    };
    const std::vector<MemoryLayer> lies{
        change("usr/lib/3", [](oci::Toc&, oci::TocEntry& entry) { entry.tar.path = "usr/lib/other"; }),
        change("usr/lib/3", [](oci::Toc& table, oci::TocEntry& entry) {
            // The content of another file, which is known.
            for (const oci::TocEntry& other : table.entries) {
                if (other.tar.path == "usr/lib/4") entry.digest = other.digest;
            }
        })};
    for (const MemoryLayer& lie : lies) {
        std::filesystem::remove_all(directory_ / "target");
        std::filesystem::remove_all(directory_ / "whole");
        update(provable(system(noise(100))), make_image({lie}));
        EXPECT_EQ(opened_, 1U);
    }
    // Metadata and the order are those of the archive.
    for (const MemoryLayer& other :
         {change("usr/lib/3", [](oci::Toc&, oci::TocEntry& entry) { entry.tar.mode = 04755; }),
          change("lib", [](oci::Toc&, oci::TocEntry& entry) { entry.tar.link_target = "usr/share"; })}) {
        std::filesystem::remove_all(directory_ / "target");
        std::filesystem::remove_all(directory_ / "whole");
        EXPECT_EQ(update(provable(system(noise(100))), make_image({other})).transfer.way, "files");
    }
}

TEST_F(FileFetchThreads, NamesInTarSplitDataChooseNoContent) {
    // The content of two files is exchanged in the table, and so are their names in the tar-split data: the
    // archive has its diffID.
    const MemoryLayer layer = layer_with_annotations();
    std::vector<oci::TarSplitLine> lines = tar_split_lines(layer);
    for (oci::TarSplitLine& line : lines) {
        if (!line.name) continue;
        const std::string name = *line.name;
        if (name == "usr/lib/3") line.name = "usr/lib/4";
        if (name == "usr/lib/4") line.name = "usr/lib/3";
    }
    MemoryLayer attack = with_table_and_lines(
        layer,
        [](oci::Toc& table) {
            std::vector<oci::TocEntry*> files;
            for (oci::TocEntry& entry : table.entries) {
                if (entry.tar.path == "usr/lib/3" || entry.tar.path == "usr/lib/4") files.push_back(&entry);
            }
            std::swap(files.at(0)->digest, files.at(1)->digest);
            std::swap(files.at(0)->chunks, files.at(1)->chunks);
        },
        lines);
    for (const bool only_footer : {false, true}) {
        if (only_footer) attack.annotations.clear();
        std::filesystem::remove_all(directory_ / "target");
        std::filesystem::remove_all(directory_ / "whole");
        EXPECT_EQ(update(provable(system(noise(100))), make_image({attack})).transfer.way, "files");
    }
}

TEST_F(FileFetchThreads, ATableThatOnlyTheFooterNamesHasToBeProved) {
    MemoryLayer layer = chunked_layer(system(noise(101)).finish());
    layer.annotations.clear();
    const MemoryImage second = make_image({layer});
    const ostree::ImportResult result = update(provable(system(noise(100))), second);
    EXPECT_EQ(result.transfer.way, "files");
    EXPECT_EQ(opened_, 0U);
    EXPECT_EQ(second.source->ranges, 4U);  // the footer, too
    // Without a proof it is not used.
    MemoryLayer unproved = with_table(layer_with_annotations(), [](oci::Toc& /*table*/) {});
    unproved.annotations.clear();
    std::filesystem::remove_all(directory_ / "target");
    EXPECT_EQ(update(provable(system(noise(100))), make_image({unproved})).transfer.way, "layers");
    EXPECT_EQ(opened_, 1U);
}

TEST_F(FileFetchThreads, NobodyGetsToRunAFileOfAnUnprovedTable) {
    MemoryLayer layer = with_table(
        layer_with_annotations(),
        [](oci::Toc& table) {
            for (oci::TocEntry& entry : table.entries) {
                entry.tar.mode = 04755;
                if (entry.tar.path == "usr/lib/3") entry.tar.path = "usr/lib/other";
            }
        },
        TarSplit::kept);
    layer.annotations.clear();
    update(provable(system(noise(100))), make_image({layer}));
    EXPECT_EQ(opened_, 1U);
    const ostree::Repository repository = open("target");
    std::size_t files = 0;
    for (const auto& path : std::filesystem::recursive_directory_iterator(directory_ / "target/objects")) {
        if (path.path().extension() != ".filez") continue;
        const std::string hex = path.path().parent_path().filename().string() + path.path().stem().string();
        EXPECT_EQ(ostree::read_object_header(repository, parse_sha256(hex)).mode & 04000U, 0U);
        ++files;
    }
    EXPECT_GT(files, 20U);
}

TEST_F(FileFetchThreads, ATableOfOneImageIsNoEvidenceForAnother) {
    const MemoryImage second = chunked(system(noise(101)));
    update(chunked(system(noise(100))), second);
    oci::Image other = second.image;
    auto location = oci::find_toc(other.manifest.layers.front()).value();
    location.toc_digest.front() ^= 1U;
    for (const auto& [key, value] : oci::toc_annotations(location))
        other.manifest.layers.front().annotations[key] = value;
    EXPECT_EQ(ostree::known_layers(open("target"), other).front(), nullptr);
}

TEST_F(FileFetchThreads, WholeLayersProveWhatWasKnownByATable) {
    const MemoryImage second = chunked(system(noise(101)));
    const ostree::CommitId commit = update(chunked(system(noise(100))), second).commit;
    second.source->opened = 0;
    const ostree::ImportResult result = import_to("target", second.image, ostree::FetchWay::layers);
    EXPECT_EQ(result.commit, commit);
    EXPECT_EQ(second.source->opened, 1U);
    import_to("target", second.image, ostree::FetchWay::layers);
    EXPECT_EQ(second.source->opened, 1U);
}

TEST_F(FileFetchThreads, AnInterruptedFetchIsContinued) {
    const MemoryImage second = with_eight_new_files();
    const std::uint64_t before = plan("target", second.image).front().bytes;
    second.source->ranges = 0;
    second.source->fail_after = 4;  // the table and three files
    EXPECT_EQ(thrown_kind([&] { fetch_batches("target", second.image); }), ErrorKind::unavailable);
    second.source->fail_after = 1000;
    const std::uint64_t between = plan("target", second.image).front().bytes;
    EXPECT_LT(between, before);
    second.source->ranges = 0;
    EXPECT_GT(fetch_batches("target", second.image), 0U);
    EXPECT_EQ(second.source->ranges, 6U);  // the table and five files
    EXPECT_LT(plan("target", second.image).front().bytes, between);
    second.source->ranges = 0;
    const ostree::ImportResult result = import_to("target", second.image);
    EXPECT_EQ(second.source->ranges, 1U);  // the table
    EXPECT_EQ(result.transfer.way, "files");
    EXPECT_EQ(result.commit, import_to("whole", second.image, ostree::FetchWay::layers).commit);
    // The ref of the partial layer is gone: a layer that was read has two, and this one has one.
    EXPECT_EQ(open("target").refs("ostree/container/blob/osb").size(), 1U);
}

TEST_F(FileFetchThreads, AnImportKeepsTheFilesThatCameBeforeTheNetworkFailed) {
    const MemoryImage second = with_eight_new_files();
    second.source->fail_after = 4;  // the table and three files
    EXPECT_EQ(thrown_kind([&] { import_to("target", second.image); }), ErrorKind::unavailable);
    EXPECT_EQ(open("target").refs("ostree/container/blob/osb").size(), 3U);  // the partial layer has one
    second.source->fail_after = 1000;
    second.source->ranges = 0;
    const ostree::ImportResult result = import_to("target", second.image);
    EXPECT_EQ(second.source->ranges, 6U);  // the table and five files
    EXPECT_EQ(result.commit, import_to("whole", second.image, ostree::FetchWay::layers).commit);
    EXPECT_EQ(open("target").refs("ostree/container/blob/osb").size(), 1U);
}

TEST_F(FileFetchThreads, ObjectsThatWerePrunedSinceThePlanAreLeftOut) {
    import_to("target", chunked(system(noise(100))).image);
    const MemoryImage second = chunked(system(noise(101)));
    ostree::Repository repository = open("target");
    ostree::ImageTables tables(second.image);
    ostree::FileFetch fetch(repository, second.image, {0}, tables, ostree::FetchWay::automatic, 1);
    ASSERT_TRUE(fetch.covers(0));
    std::vector<std::filesystem::path> files;
    for (const auto& path : std::filesystem::recursive_directory_iterator(directory_ / "target/objects")) {
        if (path.path().extension() == ".filez") files.push_back(path.path());
    }
    for (const std::filesystem::path& path : files) std::filesystem::remove(path);
    ostree::Transaction transaction(repository);
    ostree::ObjectWriter writer(repository);
    NoProgress progress;
    fetch.run(writer, progress);
    const auto partial = fetch.partial_layers(writer);
    ASSERT_EQ(partial.size(), 1U);
    ASSERT_EQ(partial.front()->digests().size(), 1U);
    EXPECT_EQ(partial.front()->digests().front().digest, sha256(as_bytes(noise(101))));
}

TEST_F(FileFetchThreads, ALargeContentMayHaveManyOwnersAndModes) {
    std::string large;
    for (unsigned i = 0; large.size() < (2UL << 20U); ++i) large += noise(1000 + i);
    TarBuilder next = system("x");
    for (unsigned i = 0; i < 8; ++i) next.file(concat("usr/large", i), large, 0600 + i);
    import_to("target", chunked(system("x")).image);
    const MemoryImage second = chunked(next);
    EXPECT_EQ(import_to("target", second.image, ostree::FetchWay::objects).transfer.way, "files");
    EXPECT_EQ(second.source->opened, 0U);
    import_to("whole", second.image, ostree::FetchWay::layers);
    EXPECT_EQ(list_commit(directory_ / "target", "os/test"), list_commit(directory_ / "whole", "os/test"));
}

TEST_F(FileFetchThreads, LayersWithoutATableAreReadWhole) {
    import_to("target", chunked(system(noise(100))).image);
    const MemoryImage gzip = make_image({{system(noise(101)).finish(), oci::Compression::gzip}});
    EXPECT_EQ(plan("target", gzip.image).front().way, "layers");
    EXPECT_EQ(thrown_kind([&] { import_to("target", gzip.image, ostree::FetchWay::objects); }),
              ErrorKind::usage);
    EXPECT_EQ(import_to("target", gzip.image).transfer.way, "layers");
    EXPECT_EQ(gzip.source->opened, 1U);
}

TEST_F(FileFetchThreads, ALayerOfWhichLittleIsKnownIsReadWhole) {
    import_to("target", chunked(system("x")).image);
    TarBuilder other;
    for (unsigned i = 0; i < 20; ++i) other.file(concat("usr/lib/", i), noise(300 + i));
    const MemoryImage second = chunked(other);
    EXPECT_EQ(import_to("target", second.image).transfer.way, "layers");
    EXPECT_EQ(second.source->opened, 1U);
}

TEST_F(FileFetchThreads, ALayerBeyondTheLimitsIsReadWhole) {
    import_to("target", chunked(system("x")).image);
    // A small table that names a known file very often would fill the disk.
    const MemoryImage second =
        make_image({with_table(chunked_layer(system("y").finish()), [](oci::Toc& table) {
            const oci::TocEntry known = table.entries[5];
            for (unsigned i = 0; i < 100; ++i) {
                oci::TocEntry& entry = table.entries.emplace_back(known);
                entry.tar.path = concat("usr/", i);
                entry.tar.mode = i;
                entry.tar.size = entry.chunks.front().size = 1ULL << 30U;
                entry.digest->front() = static_cast<std::uint8_t>(i);
            }
        })});
    EXPECT_EQ(import_to("target", second.image).transfer.way, "layers");
    EXPECT_EQ(second.source->opened, 1U);
}

}  // namespace
}  // namespace osb::test

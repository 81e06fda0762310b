// Layers of archives that tar-split data and stored contents give.
#include "ostree/import/table_layer.hh"

#include <gtest/gtest.h>

#include <functional>
#include <map>
#include <tuple>

#include "oci/chunked/zstd_chunked_toc.hh"
#include "ostree/import/layer_reader.hh"
#include "ostree/objects/repository_handle.hh"
#include "tests/support/chunked_layer.hh"
#include "tests/support/compress.hh"
#include "tests/support/tar_builder.hh"
#include "tests/support/temp_directory.hh"
#include "tests/support/thrown_kind.hh"

namespace osb::test {
namespace {

// The parts of a zstd:chunked layer, to be changed.
struct Parts {
    ostree::FileTable table;
    std::vector<oci::TarSplitLine> lines;
    std::map<Sha256, std::string> contents;

    oci::TocEntry& entry(const std::string& path) {
        for (oci::TocEntry& out : table.toc.entries) {
            if (out.tar.path == path) return out;
        }
        throw Error(ErrorKind::not_found, path);
    }
    void add_file(const std::string& path, const std::string& content) {
        oci::TocEntry& out = table.toc.entries.emplace_back();
        out.tar.path = path;
        out.tar.size = content.size();
        out.digest = sha256(as_bytes(content));
        out.chunks.push_back({.offset = 0, .end_offset = 1, .content_offset = 0, .size = content.size()});
        contents[*out.digest] = content;
    }
    void rename(const std::string& from, const std::string& to) {
        for (oci::TarSplitLine& line : lines) {
            if (line.name == from) line.name = to;
        }
    }
    // The compressed lines.
    std::string tar_split() {
        const std::string text = tar_split_text(lines);
        table.toc.tar_split_digest.reset();
        table.location.tar_split.value().uncompressed_size = text.size();
        return zstd(text);
    }
};

class TableLayerThreads : public ::testing::Test {
  protected:
    void SetUp() override { writer_.emplace(repository_); }

    static Parts parts_of(const MemoryLayer& layer) {
        const MemoryImage image = make_image({layer});
        const oci::Descriptor& blob = image.image.manifest.layers.front();
        Parts out;
        out.table.location = oci::find_toc(blob).value();
        const oci::TocRange& toc = out.table.location.toc;
        out.table.toc = oci::read_toc(as_bytes(layer.blob.substr(toc.offset, toc.size)), out.table.location);
        out.table.is_in_manifest = true;
        out.lines = tar_split_lines(layer);
        MemorySource source(as_bytes(layer.tar));
        oci::TarReader reader(source);
        oci::TarEntry entry;
        while (reader.next(entry)) {
            std::string content(static_cast<std::size_t>(entry.size), '\0');
            for (std::size_t done = 0; done < content.size();) {
                // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): char aliases
                auto* const start = reinterpret_cast<std::uint8_t*>(content.data()) + done;
                done += reader.read({start, content.size() - done});
            }
            out.contents[sha256(as_bytes(content))] = content;
        }
        return out;
    }

    // Builds the layer of the parts, and stores its files.
    std::shared_ptr<ostree::Layer> build(const MemoryLayer& layer, Parts& parts,
                                         const ostree::ImageLimits& limits = {}) {
        ostree::ImageBudget budget(limits);
        return build(layer, parts, budget);
    }

    std::shared_ptr<ostree::Layer> build(const MemoryLayer& layer, Parts& parts,
                                         ostree::ImageBudget& budget) {
        const MemoryImage image = make_image({layer});
        const std::string tar_split = parts.tar_split();
        const ostree::FilePlan plan =
            ostree::plan_files(parts.table.toc, [](const Sha256&, std::uint64_t) { return true; });
        const auto content = [&](std::size_t group) -> const std::string& {
            return parts.contents.at(plan.groups[group].digest);
        };
        const auto open = [&](std::size_t group) {
            return std::make_unique<MemorySource>(as_bytes(content(group)));
        };
        ostree::TableLayer built = ostree::build_from_archive(
            parts.table, plan, image.image.manifest.layers.front(), image.image.config.diff_ids.front(),
            tar_split, open, *writer_, budget);
        for (const ostree::PendingFile& file : built.files) {
            const ostree::ObjectMeta& meta = file.meta;
            file.entry->checksum = writer_->write_file(
                {.uid = meta.uid, .gid = meta.gid, .mode = meta.mode, .xattrs = meta.xattrs}, {},
                as_bytes(content(file.group)));
        }
        return built.layer;
    }

    std::shared_ptr<ostree::Layer> read_whole(const MemoryLayer& layer) {
        const MemoryImage image = make_image({layer});
        std::shared_ptr<ostree::Layer> out;
        TaskPool pool(2);
        NoProgress progress;
        pool.add_producer([&] {
            ostree::ImageBudget budget;
            out = ostree::read_layer(image.source->open_layer(image.image.manifest, image.image.config, 0),
                                     image.image.config.diff_ids.front(), {*writer_, pool, progress, budget},
                                     ostree::FileDigests::recorded);
        });
        pool.run();
        return out;
    }

    static void expect_same(const ostree::Layer& actual, const ostree::Layer& expected) {
        const auto fields = [](const ostree::LayerEntry& entry) {
            return std::make_tuple(entry.kind, entry.path, entry.target, entry.xattrs, entry.checksum,
                                   entry.mode, entry.uid, entry.gid);
        };
        ASSERT_EQ(actual.entries().size(), expected.entries().size());
        for (std::size_t i = 0; i < actual.entries().size(); ++i) {
            EXPECT_EQ(fields(actual.entries()[i]), fields(expected.entries()[i]))
                << expected.entries()[i].path;
        }
        ASSERT_EQ(actual.digests().size(), expected.digests().size());
        for (std::size_t i = 0; i < actual.digests().size(); ++i) {
            EXPECT_EQ(actual.digests()[i].digest, expected.digests()[i].digest);
            EXPECT_EQ(actual.digests()[i].entry->checksum, expected.digests()[i].entry->checksum);
        }
        EXPECT_EQ(actual.notes(), expected.notes());
        EXPECT_EQ(actual.uncompressed_size, expected.uncompressed_size);
        EXPECT_FALSE(actual.table.has_value());
    }

    void expect_whole(const MemoryLayer& layer, Parts parts) {
        const auto built = build(layer, parts);
        expect_same(*built, *read_whole(layer));
    }

    static MemoryLayer su_and_others() {
        TarBuilder out;
        out.directory("usr").file("usr/su", "GOOD content", 04755).file("usr/zz", "EVIL content");
        return chunked_layer(out.file("usr/more", "more content").finish());
    }

    TempDirectory directory_;
    ostree::Repository repository_ = ostree::Repository::open_or_create(directory_ / "repo");
    ostree::Transaction transaction_{repository_};
    std::optional<ostree::ObjectWriter> writer_;
};

TEST_F(TableLayerThreads, TheResultIsThatOfTheWholeBlob) {
    TarBuilder all;
    all.directory("usr").directory("usr/lib", 01777).file("usr/lib/a", "a", 04755).file("usr/lib/empty", "");
    all.file("usr/large", std::string((3UL << 20U) + 1, 'x')).hardlink("usr/link", "usr/lib/a");
    all.symlink("lib", "usr/lib").device("null", '3', 1, 3).fifo("fifo").file(".wh.gone", "");
    all.file("usr/lib/.wh..wh..opq", "").file("usr/lib/again", "a", 0600);
    all.pax({{"SCHILY.xattr.user.x", "1"}, {"SCHILY.xattr.trusted.y", "2"}}).file("usr/attributes", "b");
    all.file(concat("usr/", std::string(200, 'n')), "n").file(".wh..wh.plnk/1", "c");
    const std::vector<std::string> archives{all.finish(), TarBuilder().finish(),
                                            TarBuilder().file("a", "1").finish()};
    for (const std::string& archive : archives) {
        const MemoryLayer layer = chunked_layer(archive);
        expect_whole(layer, parts_of(layer));
    }
}

TEST_F(TableLayerThreads, BytesBehindTheArchiveAreNoted) {
    MemoryLayer layer = su_and_others();
    Parts parts = parts_of(layer);
    parts.lines.push_back({.segment = std::string(512, 'x'), .name = {}, .size = 0});
    layer.tar += std::string(512, 'x');
    layer.blob.clear();
    expect_whole(layer, parts);
    EXPECT_EQ(build(layer, parts)->notes().size(), 1U);
}

TEST_F(TableLayerThreads, AFileHasTheContentThatTheArchiveHas) {
    const MemoryLayer layer = su_and_others();
    // The table has the contents of two files the wrong way round, and so have the tar-split data.
    Parts swapped = parts_of(layer);
    std::swap(swapped.entry("usr/su").digest, swapped.entry("usr/zz").digest);
    swapped.rename("usr/su", "usr/x");
    swapped.rename("usr/zz", "usr/su");
    swapped.rename("usr/x", "usr/zz");
    expect_whole(layer, swapped);
    // The table has one more file, whose name the tar-split data has.
    Parts added = parts_of(layer);
    added.entry("usr/su").digest = added.entry("usr/zz").digest;
    added.add_file("other", "GOOD content");
    added.rename("usr/su", "other");
    expect_whole(layer, added);
}

TEST_F(TableLayerThreads, AContentMayBeAHeader) {
    const MemoryLayer layer = su_and_others();
    Parts parts = parts_of(layer);
    std::swap(parts.entry("usr/su").digest, parts.entry("usr/zz").digest);
    for (std::size_t i = 1; i < parts.lines.size(); ++i) {
        oci::TarSplitLine& header = parts.lines[i - 1];
        oci::TarSplitLine& content = parts.lines[i];
        if (content.name == "usr/su" && !header.name) {
            parts.add_file("header", header.segment);
            header = {.segment = {}, .name = "header", .size = header.segment.size()};
            content.name = "usr/zz";
        } else if (content.name == "usr/zz") {
            content.name = "usr/su";
        }
    }
    expect_whole(layer, parts);
}

TEST_F(TableLayerThreads, AContentThatTheTableLacksIsRefused) {
    const MemoryLayer layer = su_and_others();
    Parts parts = parts_of(layer);
    // All bytes of the archive are there, but no entry has this content.
    for (oci::TarSplitLine& line : parts.lines) {
        if (line.name == "usr/su") line = {.segment = "GOOD content", .name = {}, .size = 0};
    }
    parts.entry("usr/su").digest = parts.entry("usr/zz").digest;
    EXPECT_EQ(thrown_kind([&] { build(layer, parts); }), ErrorKind::digest_mismatch);
}

TEST_F(TableLayerThreads, LayersShareOneBudget) {
    const MemoryLayer layer = su_and_others();
    Parts parts = parts_of(layer);
    ostree::ImageBudget budget({.max_entries = 7});  // a layer has four
    build(layer, parts, budget);
    EXPECT_EQ(thrown_kind([&] { build(layer, parts, budget); }), ErrorKind::too_large);
}

TEST_F(TableLayerThreads, FilesThatAreToBeWrittenAreCharged) {
    TarBuilder archive;
    archive.pax({{"SCHILY.xattr.user.x", std::string(1000, 'x')}}).file("usr/file", "content");
    const MemoryLayer layer = chunked_layer(archive.finish());
    Parts parts = parts_of(layer);
    const std::size_t memory = build(layer, parts)->memory();
    EXPECT_EQ(thrown_kind([&] { build(layer, parts, {.max_memory = memory + 1000}); }), ErrorKind::too_large);
    build(layer, parts, {.max_memory = memory + sizeof(ostree::PendingFile) + 1100});
}

TEST_F(TableLayerThreads, EmptyLinesAreLimited) {
    const MemoryLayer layer = su_and_others();
    Parts parts = parts_of(layer);
    const ostree::ImageLimits limits{.free_bytes = 1UL << 16U, .max_ratio = 10};
    build(layer, parts, limits);
    parts.lines.insert(parts.lines.begin(), 6'000, oci::TarSplitLine{});
    EXPECT_EQ(thrown_kind([&] { build(layer, parts, limits); }), ErrorKind::too_large);
    expect_whole(layer, parts);
}

}  // namespace
}  // namespace osb::test

// The bounds of a layer, made small enough to be met quickly.
#include "ostree/import/layer_reader.hh"

#include <gtest/gtest.h>

#include "base/error.hh"
#include "ostree/objects/repository_handle.hh"
#include "tests/support/memory_image.hh"
#include "tests/support/tar_builder.hh"
#include "tests/support/temp_directory.hh"

namespace osb::test {
namespace {

class LayerReaderThreads : public ::testing::Test {
  protected:
    // Reads a layer; returns the kind of the Error that it ends with, or nothing.
    std::optional<ErrorKind> read(const std::string& tar, oci::Compression compression,
                                  const ostree::ImageLimits& limits, unsigned jobs = 2) {
        return read({{tar, compression}}, limits, jobs);
    }

    // Reads the layers of one image.
    std::optional<ErrorKind> read(const std::vector<MemoryLayer>& layers, const ostree::ImageLimits& limits,
                                  unsigned jobs = 2) {
        const MemoryImage image = make_image(layers);
        ostree::Repository repository = ostree::Repository::open_or_create(directory_ / "repo");
        ostree::Transaction transaction(repository);
        ostree::ObjectWriter writer(repository);
        TaskPool pool(jobs, 1024UL * 1024);
        NoProgress progress;
        ostree::ImageBudget budget(limits);
        for (std::size_t i = 0; i < layers.size(); ++i) {
            pool.add_producer([&, i] {
                auto layer =
                    ostree::read_layer(image.source->open_layer(image.image.manifest, image.image.config, i),
                                       image.image.config.diff_ids[i], {writer, pool, progress, budget});
                if (i == 0) layer_ = std::move(layer);
            });
        }
        try {
            pool.run();
            return std::nullopt;
        } catch (const Error& error) {
            message_ = error.message();
            return error.kind();
        }
    }

    TempDirectory directory_;
    std::shared_ptr<ostree::Layer> layer_;
    std::string message_;
};

TEST_F(LayerReaderThreads, BombsAreRefused) {
    const ostree::ImageLimits limits{.free_bytes = 1024UL * 1024, .max_ratio = 200};
    const std::string tar = TarBuilder().file("usr/zeros", std::string(20UL * 1024 * 1024, '\0')).finish();
    EXPECT_EQ(read(tar, oci::Compression::zstd, limits), ErrorKind::too_large);
    EXPECT_NE(message_.find("usr/zeros"), std::string::npos) << message_;
    EXPECT_EQ(read(tar, oci::Compression::none, limits), std::nullopt);
    EXPECT_EQ(read(tar, oci::Compression::zstd, {}), std::nullopt)
        << "the default bound leaves a gigabyte free";
}

TEST_F(LayerReaderThreads, EntriesAreCounted) {
    TarBuilder tar;
    for (int i = 0; i < 100; ++i) tar.file(concat("f", i), "");
    EXPECT_EQ(read(tar.finish(), oci::Compression::none, {.max_entries = 100}), std::nullopt);
    EXPECT_EQ(layer_->entries().size(), 100U);
    EXPECT_EQ(read(tar.finish(), oci::Compression::none, {.max_entries = 99}), ErrorKind::too_large);
}

TEST_F(LayerReaderThreads, LayersShareOneBudget) {
    std::vector<MemoryLayer> layers;
    for (int i = 0; i < 4; ++i)
        layers.push_back({TarBuilder().file(concat("a", i), "").file(concat(".wh.b", i), "").finish()});
    EXPECT_EQ(read(layers, {.max_entries = 8}), std::nullopt);
    EXPECT_EQ(read(layers, {.max_entries = 7}), ErrorKind::too_large);
    EXPECT_EQ(read(layers, {.max_memory = 8 * sizeof(ostree::LayerEntry) + 16}), std::nullopt);
    EXPECT_EQ(read(layers, {.max_memory = 8 * sizeof(ostree::LayerEntry) + 15}), ErrorKind::too_large);
    EXPECT_NE(message_.find("memory"), std::string::npos) << message_;

    layers.clear();
    const std::string zeros(600UL * 1024, '\0');
    for (int i = 0; i < 4; ++i)
        layers.push_back({TarBuilder().file(concat("zeros", i), zeros).finish(), oci::Compression::zstd});
    const ostree::ImageLimits limits{.free_bytes = 1024UL * 1024, .max_ratio = 20};
    EXPECT_EQ(read({layers[0]}, limits), std::nullopt) << "one alone is no bomb";
    EXPECT_EQ(read(layers, limits), ErrorKind::too_large);
}

TEST_F(LayerReaderThreads, WhatIsDroppedIsCounted) {
    TarBuilder tar;
    for (int i = 0; i < 100; ++i) tar.fifo("f").file(".wh..wh.aufs", "");
    EXPECT_EQ(read(tar.finish(), oci::Compression::none, {.max_entries = 200}), std::nullopt);
    EXPECT_EQ(read(tar.finish(), oci::Compression::none, {.max_entries = 199}), ErrorKind::too_large);
}

// Holes take no room in a layer, and all of it on the disk.
TEST_F(LayerReaderThreads, HolesOfSparseFilesAreCounted) {
    const auto sparse = [](const std::string& name, std::uint64_t size) {
        return TarBuilder()
            .pax({{"GNU.sparse.major", "0"},
                  {"GNU.sparse.minor", "1"},
                  {"GNU.sparse.name", name},
                  {"GNU.sparse.size", std::to_string(size)},
                  {"GNU.sparse.numblocks", "1"},
                  {"GNU.sparse.map", concat(size - 1, ",1")}})
            .file(name, "x")
            .finish();
    };
    constexpr std::uint64_t kMiB = 1024UL * 1024;
    const ostree::ImageLimits limits{.free_bytes = 4 * kMiB, .max_ratio = 200};
    EXPECT_EQ(read(sparse("a", 3 * kMiB), oci::Compression::none, limits), std::nullopt) << message_;
    EXPECT_EQ(read(sparse("a", 9 * kMiB), oci::Compression::none, limits), ErrorKind::too_large);
    const std::vector<MemoryLayer> layers{{sparse("a", 3 * kMiB)}, {sparse("b", 3 * kMiB)}};
    EXPECT_EQ(read(layers, limits), ErrorKind::too_large);
    // Refused before the first byte of it is written.
    EXPECT_EQ(read(sparse("a", 1ULL << 39), oci::Compression::none, {}), ErrorKind::too_large);
    EXPECT_NE(message_.find("'a'"), std::string::npos) << message_;
}

TEST_F(LayerReaderThreads, BytesAfterTheEndAreChecked) {
    // A second archive behind the first is part of the digests, and of nothing else.
    const std::string tar =
        TarBuilder().file("a", "1").finish() + TarBuilder().file("smuggled", "2").finish();
    EXPECT_EQ(read(tar, oci::Compression::gzip, {}), std::nullopt);
    EXPECT_EQ(layer_->entries().size(), 1U);
    ASSERT_EQ(layer_->notes().size(), 1U);
    EXPECT_EQ(layer_->uncompressed_size, tar.size());
}

TEST_F(LayerReaderThreads, LargeFilesWithOneThreadAndWithMany) {
    std::string noise(5'000'000, '\0');
    std::uint32_t state = 1;
    for (char& c : noise) {
        state = state * 1664525U + 1013904223U;
        c = static_cast<char>(state >> 24U);
    }
    const std::string tar =
        TarBuilder().file("a", noise).file("b", noise.substr(1)).file("a2", noise).finish();
    Sha256 first{};
    for (const unsigned jobs : {1U, 2U, 5U}) {
        ASSERT_EQ(read(tar, oci::Compression::none, {}, jobs), std::nullopt);
        if (jobs == 1) first = layer_->entries()[0].checksum;
        EXPECT_EQ(layer_->entries()[0].checksum, first);
        EXPECT_EQ(layer_->entries()[2].checksum, first);
        EXPECT_NE(layer_->entries()[1].checksum, first);
    }
}

}  // namespace
}  // namespace osb::test

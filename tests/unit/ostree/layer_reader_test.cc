// The bounds of a layer, made small enough to be met quickly.
#include "ostree/layer_reader.hh"

#include <gtest/gtest.h>

#include "base/error.hh"
#include "ostree/repository_handle.hh"
#include "tests/support/memory_image.hh"
#include "tests/support/tar_builder.hh"
#include "tests/support/temp_directory.hh"

namespace osb::test {
namespace {

class LayerReaderThreads : public ::testing::Test {
  protected:
    // Reads a layer; returns the kind of the Error that it ends with, or nothing.
    std::optional<ErrorKind> read(const std::string& tar, oci::Compression compression,
                                  const ostree::LayerLimits& limits, unsigned jobs = 2) {
        const MemoryImage image = make_image({{tar, compression}});
        ostree::Repository repository = ostree::Repository::open_or_create(directory_ / "repo");
        ostree::Transaction transaction(repository);
        ostree::ObjectWriter writer(repository);
        TaskPool pool(jobs, 1024UL * 1024);
        NoProgress progress;
        pool.add_producer([&] {
            layer_ = ostree::read_layer(image.source->open_layer(image.image.manifest, image.image.config, 0),
                                        image.image.config.diff_ids[0], {writer, pool, progress, limits});
        });
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
    const ostree::LayerLimits limits{.free_bytes = 1024UL * 1024, .max_ratio = 200};
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

// The record of layers that were written before: what is damaged or foreign in it is as if it were not there.
#include "ostree/export/layer_record.hh"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "tests/support/temp_directory.hh"

namespace osb::test {
namespace {

using ostree::LayerRecipe;
using ostree::LayerRecord;

class LayerRecordTest : public testing::Test {
  protected:
    LayerRecordTest() : repository_(ostree::Repository::open_or_create(directory_ / "repo")) {}

    static oci::WrittenLayer layer() {
        return {.descriptor = {.media_type = std::string(oci::kMediaTypeLayerZstd),
                               .digest = oci::Digest::of(as_bytes("blob")),
                               .size = 4,
                               .annotations = {{"key", "va\"lue"}}},
                .diff_id = oci::Digest::of(as_bytes("tar"))};
    }
    std::filesystem::path file(const Sha256& recipe) const {
        return std::filesystem::path(directory_ / "repo") / "extensions/osb-oci/layers" / to_hex(recipe);
    }

    TempDirectory directory_;
    ostree::Repository repository_;
};

TEST_F(LayerRecordTest, WhatWasSavedIsFound) {
    const LayerRecord record(repository_);
    const Sha256 recipe = LayerRecipe("kind", {}).finish();
    EXPECT_FALSE(record.find(recipe));
    record.save(recipe, layer());
    const auto found = record.find(recipe);
    ASSERT_TRUE(found);
    EXPECT_EQ(found->descriptor.digest, layer().descriptor.digest);
    EXPECT_EQ(found->descriptor.media_type, layer().descriptor.media_type);
    EXPECT_EQ(found->descriptor.size, 4U);
    EXPECT_EQ(found->descriptor.annotations, layer().descriptor.annotations);
    EXPECT_EQ(found->diff_id, layer().diff_id);
    EXPECT_FALSE(record.find(LayerRecipe("other", {}).finish()));
}

TEST_F(LayerRecordTest, DamagedRecordsArePassedOver) {
    const LayerRecord record(repository_);
    const Sha256 recipe = LayerRecipe("kind", {}).finish();
    record.save(recipe, layer());
    std::ifstream in(file(recipe));
    const std::string good((std::istreambuf_iterator<char>(in)), {});
    for (std::string bad : {std::string(), std::string("[]"), std::string("{}"), good.substr(0, 20),
                            std::string(100000, ' ') + good, std::string("\0x", 2)}) {
        std::ofstream(file(recipe), std::ios::trunc) << bad;
        EXPECT_FALSE(record.find(recipe)) << bad.substr(0, 80);
    }
    for (const char* member : {"recipe", "mediaType", "digest", "size", "annotations", "diffID"}) {
        std::string bad = good;
        bad.replace(bad.find(member), 1, "x");
        std::ofstream(file(recipe), std::ios::trunc) << bad;
        EXPECT_FALSE(record.find(recipe)) << bad;
    }
    // The record of another layer.
    record.save(LayerRecipe("other", {}).finish(), layer());
    std::filesystem::rename(file(LayerRecipe("other", {}).finish()), file(recipe));
    EXPECT_FALSE(record.find(recipe));
    std::filesystem::remove(file(recipe));
    std::filesystem::create_symlink("/etc/passwd", file(recipe));
    EXPECT_FALSE(record.find(recipe));
    record.save(recipe, layer());
    EXPECT_TRUE(record.find(recipe));
    EXPECT_FALSE(std::filesystem::is_symlink(file(recipe)));
}

TEST_F(LayerRecordTest, ARepositoryThatCannotBeWrittenToGetsNone) {
    std::ofstream(directory_ / "repo/extensions/osb-oci") << "a file";
    const LayerRecord record(repository_);
    const Sha256 recipe = LayerRecipe("kind", {}).finish();
    record.save(recipe, layer());
    EXPECT_FALSE(record.find(recipe));
}

TEST_F(LayerRecordTest, TheOlderHalfGoes) {
    const LayerRecord record(repository_);
    const Sha256 old = LayerRecipe("old", {}).finish();
    record.save(old, layer());
    for (std::size_t i = 0; i < LayerRecord::kMaxRecords - 1; ++i)
        std::ofstream(file(sha256(as_bytes(std::to_string(i))))) << "{}";
    const auto hour = std::chrono::hours(1);
    std::filesystem::last_write_time(file(old), std::filesystem::file_time_type::clock::now() - hour);
    EXPECT_TRUE(record.find(old));
    const Sha256 young = LayerRecipe("young", {}).finish();
    record.save(young, layer());
    EXPECT_TRUE(record.find(young));
    EXPECT_FALSE(record.find(old));
}

TEST_F(LayerRecordTest, EveryInputCounts) {
    const ostree::WalkedFile a{.checksum = sha256(as_bytes("a")), .paths = {"x", "y"}};
    const ostree::WalkedFile b{.checksum = sha256(as_bytes("a")), .paths = {"x"}};
    const auto recipe = [](const char* format, const std::vector<const ostree::WalkedFile*>& files) {
        LayerRecipe out("kind", oci::LayerFormat::parse(format));
        out.add_files(files);
        return out.finish();
    };
    EXPECT_EQ(recipe("gzip:6", {&a}), recipe("gzip:6", {&a}));
    EXPECT_NE(recipe("gzip:6", {&a}), recipe("gzip:5", {&a}));
    EXPECT_NE(recipe("zstd:3", {&a}), recipe("zstd:chunked:3", {&a}));
    EXPECT_NE(recipe("gzip:6", {&a}), recipe("gzip:6", {&b}));
    EXPECT_NE(recipe("gzip:6", {&a}), recipe("gzip:6", {}));
}

}  // namespace
}  // namespace osb::test

// Archives that end too early, or have a bit turned over; and reading in steps of any size.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "oci/tar/tar_reader.hh"
#include "tests/support/read_archive.hh"
#include "tests/support/tar_builder.hh"
#include "tests/unit/oci/tar/tar_expectations.hh"

namespace osb::oci {
namespace {

using test::read_archive;
using test::ReadArchive;
using test::ReadEntry;
using test::ReadOptions;
using test::TarBuilder;

std::string small_archive() {
    return TarBuilder()
        .directory("d/")
        .pax({{"path", "d/a-long-name"}, {"SCHILY.xattr.user.x", "y"}, {"size", "600"}})
        .file("short", std::string(600, 'c'))
        .gnu_long_name("d/" + std::string(150, 'n'))
        .symlink("short", "target")
        .file("last", "end")
        .finish();
}

// A stream can end between two entries, and the last block may be short of its padding.
TEST(TarDamageTest, TruncationAnywhereElseIsRefused) {
    const std::string bytes = small_archive();
    const ReadArchive whole = read_archive(bytes);
    ASSERT_EQ(whole.error, "");
    ASSERT_EQ(whole.entries.size(), 4U);
    std::vector<bool> may_end(bytes.size(), false);
    may_end[0] = true;
    may_end[bytes.size() - 512] = true;  // behind the first zero block
    for (const ReadEntry& read : whole.entries) {
        for (std::size_t end = read.data_offset + read.content.size();; ++end) {
            may_end[end] = true;
            if (end % 512 == 0) break;
        }
    }
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        ReadOptions options;
        options.skip_content = size % 2 == 1;
        const ReadArchive archive = read_archive(std::string_view(bytes).substr(0, size), options);
        EXPECT_EQ(archive.error.empty(), may_end[size]) << size << ' ' << archive.error;
    }
}

TEST(TarDamageTest, BitFlipAnywhere) {
    const std::string bytes = small_archive();
    for (std::size_t i = 0; i < bytes.size(); ++i) {
        std::string flipped = bytes;
        flipped[i] = static_cast<char>(flipped[i] ^ (1 << (i % 8)));
        const ReadArchive archive = read_archive(flipped);
        for (const ReadEntry& read : archive.entries) {
            EXPECT_FALSE(read.entry.path.empty());
            EXPECT_LE(read.entry.mode, 07777U);
            EXPECT_TRUE(read.content.size() == read.entry.size || !archive.error.empty()) << i;
        }
        // In the first header block one changed byte changes the sum.
        const bool summed = i < 512 && (i < 148 || i >= 156);
        EXPECT_TRUE(!summed || !archive.error.empty()) << i;
    }
}

TEST(TarDamageTest, SizesOfReadsDoNotMatter) {
    const std::string bytes = small_archive();
    const ReadArchive expected = read_archive(bytes);
    for (const std::size_t in_step : {1U, 2U, 100U, 511U, 513U}) {
        for (const std::size_t out_step : {1U, 512U, 599U}) {
            ReadOptions options;
            options.in_step = in_step;
            options.out_step = out_step;
            const ReadArchive archive = read_archive(bytes, options);
            ASSERT_EQ(archive.entries.size(), expected.entries.size());
            for (std::size_t i = 0; i < archive.entries.size(); ++i) {
                EXPECT_EQ(archive.entries[i].entry.path, expected.entries[i].entry.path);
                EXPECT_EQ(archive.entries[i].content, expected.entries[i].content);
                EXPECT_EQ(archive.entries[i].header_offset, expected.entries[i].header_offset);
            }
        }
    }
}

}  // namespace
}  // namespace osb::oci

// Sparse files, in every format that there is.
#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "oci/tar/tar_reader.hh"
#include "tests/support/read_archive.hh"
#include "tests/support/tar_builder.hh"
#include "tests/unit/oci/tar/tar_expectations.hh"

namespace osb::oci {
namespace {

using test::expect_tar_error;
using test::only_entry;
using test::PaxRecords;
using test::read_archive;
using test::ReadArchive;
using test::ReadOptions;
using test::TarBuilder;
using test::TarMagic;
using test::TarMember;
using test::with_pax;

// ---- sparse files
// ---------------------------------------------------------------------------------------------

const std::string kHoles =
    std::string(1000, '\0') + "abc" + std::string(2000, '\0') + "defg" + std::string(10, '\0');

std::string sparse_01(const std::string& map, const std::string& count, const std::string& size,
                      const std::string& stored = "abcdefg") {
    return TarBuilder()
        .pax({{"GNU.sparse.size", size},
              {"GNU.sparse.numblocks", count},
              {"GNU.sparse.name", "real"},
              {"GNU.sparse.map", map}})
        .file("GNUSparseFile.0/real", stored)
        .file("next", "n")
        .finish();
}

std::string sparse_10(const std::string& map, const std::string& size,
                      const std::string& stored = "abcdefg") {
    return TarBuilder()
        .pax({{"GNU.sparse.major", "1"},
              {"GNU.sparse.minor", "0"},
              {"GNU.sparse.name", "real"},
              {"GNU.sparse.realsize", size}})
        .file("GNUSparseFile.0/real", map + std::string((512 - map.size() % 512) % 512, '\0') + stored)
        .file("next", "n")
        .finish();
}

std::string octal12(std::uint64_t value) {
    char text[24];
    std::snprintf(text, sizeof text, "%011llo", static_cast<unsigned long long>(value));
    return std::string(text, 11) + '\0';
}

std::string gnu_regions(const std::vector<std::uint64_t>& numbers) {
    std::string out;
    for (const std::uint64_t number : numbers) out += octal12(number);
    return out;
}

TarMember old_gnu(const std::string& regions, std::uint64_t size, std::string stored = "abcdefg") {
    TarMember member;
    member.name = "real";
    member.type = 'S';
    member.magic = TarMagic::gnu;
    member.content = std::move(stored);
    member.patches[386] = regions;
    member.patches[483] = octal12(size);
    return member;
}

void expect_holes(const std::string& bytes) {
    for (const std::size_t out_step : {1U, 7U, 1001U, 100000U}) {
        ReadOptions options;
        options.out_step = out_step;
        const ReadArchive archive = read_archive(bytes, options);
        EXPECT_EQ(archive.error, "");
        ASSERT_EQ(archive.entries.size(), 2U);
        EXPECT_EQ(archive.entries[0].entry.path, "real");
        EXPECT_EQ(archive.entries[0].entry.size, kHoles.size());
        EXPECT_TRUE(archive.entries[0].content == kHoles);
        EXPECT_EQ(archive.entries[1].content, "n");
    }
    ReadOptions skip;
    skip.skip_content = true;
    EXPECT_EQ(read_archive(bytes, skip).entries.size(), 2U);
}

TEST(TarSparseTest, EveryFormat) {
    expect_holes(TarBuilder()
                     .pax({{"GNU.sparse.size", "3017"},
                           {"GNU.sparse.numblocks", "3"},
                           {"GNU.sparse.offset", "1000"},
                           {"GNU.sparse.numbytes", "3"},
                           {"GNU.sparse.offset", "3003"},
                           {"GNU.sparse.numbytes", "4"},
                           {"GNU.sparse.offset", "3017"},
                           {"GNU.sparse.numbytes", "0"}})
                     .file("real", "abcdefg")
                     .file("next", "n")
                     .finish());
    expect_holes(sparse_01("1000,3,3003,4,3017,0", "3", "3017"));
    expect_holes(sparse_01("1000,3,3003,4", "2", "3017"));
    expect_holes(sparse_10("2\n1000\n3\n3003\n4\n", "3017"));
    expect_holes(TarBuilder().add(old_gnu(gnu_regions({1000, 3, 3003, 4}), 3017)).file("next", "n").finish());
}

TEST(TarSparseTest, NothingButAHole) {
    const std::string zeros(3017, '\0');
    for (const std::string& bytes : {sparse_01("3017,0", "1", "3017", ""), sparse_10("0\n", "3017", ""),
                                     sparse_10("1\n3017\n0\n", "3017", ""),
                                     TarBuilder().add(old_gnu("", 3017, "")).file("next", "n").finish()}) {
        const ReadArchive archive = read_archive(bytes);
        EXPECT_EQ(archive.error, "");
        ASSERT_EQ(archive.entries.size(), 2U);
        EXPECT_TRUE(archive.entries[0].content == zeros);
    }
}

// 21 regions to a block, in several blocks.
TEST(TarSparseTest, OldGnuMapInSeveralBlocks) {
    for (const std::size_t regions : {4U, 5U, 25U, 26U, 100U}) {
        std::string expected;
        std::string stored;
        std::vector<std::uint64_t> numbers;
        for (std::size_t i = 0; i < regions; ++i) {
            expected += std::string(i + 1, '\0');
            numbers.push_back(expected.size());
            numbers.push_back(2);
            expected += "ab";
            stored += "ab";
        }
        const std::string all = gnu_regions(numbers);
        TarMember member = old_gnu(all.substr(0, std::min<std::size_t>(96, all.size())), expected.size(), "");
        member.size = static_cast<std::int64_t>(stored.size());
        std::string map_blocks;
        for (std::size_t at = 96; at < all.size(); at += 504) {
            std::string block = all.substr(at, 504);
            block.resize(512, '\0');
            if (at + 504 < all.size()) block[504] = 1;
            map_blocks += block;
        }
        if (!map_blocks.empty()) member.patches[482] = "\1";
        stored.resize((stored.size() + 511) / 512 * 512, '\0');
        const std::string bytes =
            TarBuilder().add(member).raw(map_blocks + stored).file("next", "n").finish();
        const ReadArchive archive = read_archive(bytes);
        EXPECT_EQ(archive.error, "") << regions;
        ASSERT_EQ(archive.entries.size(), 2U);
        EXPECT_TRUE(archive.entries[0].content == expected) << regions;
        EXPECT_EQ(archive.entries[0].data_offset, 512 + map_blocks.size());
    }
}

TEST(TarSparseTest, BadMaps) {
    expect_tar_error(sparse_01("1000,3,1002,4", "2", "3017"), "overlap");
    expect_tar_error(sparse_01("3003,4,1000,3", "2", "3017"), "overlap");
    expect_tar_error(sparse_01("1000,3,3014,4", "2", "3017"), "outside");
    expect_tar_error(sparse_01("1000,3,9223372036854775807,9223372036854775807", "2", "3017"), "outside");
    expect_tar_error(sparse_01("1000,3,3003,3", "2", "3017"), "describes 6 stored bytes, and there are 7");
    expect_tar_error(sparse_01("1000,3,3003,4", "3", "3017"), "number of regions");
    expect_tar_error(sparse_01("1000,3,3003", "1", "3017"), "number of regions");
    for (const char* map : {"1000,3,", ",1000,3", "1000,,3", "a,3", "-1,3", "1000;3", "1000,3\n", ","})
        expect_tar_error(sparse_01(map, "1", "3017"), "sparse map");
    expect_tar_error(sparse_01("1000,3,3003,4", "2", ""), "without its size");
    expect_tar_error(sparse_01("1000,3,3003,4", "2", "-1"), "'size'");
    expect_tar_error(
        TarBuilder()
            .pax({{"GNU.sparse.size", "10"}, {"GNU.sparse.numblocks", "1"}, {"GNU.sparse.numbytes", "1"}})
            .file("f", "x")
            .finish(),
        "out of order");
    for (const char* map :
         {"2\n1000\n3\n3003\n", "", "x\n", "-1\n", "1\n\n3\n", "1\n1000\n99999999999999999999\n",
          "000000000000000000000000002\n1000\n3\n", "1 1000 3 "})
        expect_tar_error(sparse_10(map, "3017", ""), "sparse map");
    expect_tar_error(sparse_10("2\n1000\n3\n3003\n4\n", "3017", "abcdefgh"), "there are 8");
}

TEST(TarSparseTest, BadOldGnuMaps) {
    const auto bytes = [](const TarMember& member) { return TarBuilder().add(member).finish(); };
    expect_tar_error(bytes(old_gnu(gnu_regions({1000, 3, 1001, 4}), 3017)), "overlap");
    expect_tar_error(bytes(old_gnu(gnu_regions({1000, 7}), 1006)), "outside");
    expect_tar_error(bytes(old_gnu(gnu_regions({1000, 6}), 3017)), "describes 6");
    expect_tar_error(bytes(old_gnu("garbage", 3017)), "offset of a sparse region");
    expect_tar_error(bytes(old_gnu(std::string(12, '\xff') + octal12(1), 3017)), "negative");
    TarMember continued = old_gnu(gnu_regions({1000, 7}), 3017);
    continued.patches[482] = "\1";
    expect_tar_error(bytes(continued), "continues after its end");
    TarMember ustar = old_gnu(gnu_regions({1000, 7}), 3017);
    ustar.magic = TarMagic::ustar;
    expect_tar_error(bytes(ustar), "without a GNU header");
    TarMember endless = old_gnu(gnu_regions({0, 1, 1, 1, 2, 1, 3, 1}), 3017);
    endless.patches[482] = "\1";
    endless.content = "";
    expect_tar_error(TarBuilder().add(endless).bytes(), "truncated");
}

TEST(TarSparseTest, Limits) {
    expect_tar_error(sparse_01("0,7", "1", "9223372036854775807"), "a file of 9223372036854775807 bytes",
                     ErrorKind::too_large);
    expect_tar_error(sparse_10("1\n0\n7\n", "9223372036854775807"), "a file of", ErrorKind::too_large);
    expect_tar_error(TarBuilder().add(old_gnu(gnu_regions({0, 7}), 1ULL << 32U)).finish(), "a file of",
                     ErrorKind::too_large, [] {
                         TarLimits limits;
                         limits.max_file_size = 1ULL << 31U;
                         return limits;
                     }());
    TarLimits few;
    few.max_sparse_regions = 2;
    expect_tar_error(sparse_01("0,1,2,1,4,1", "3", "100", "abc"), "more than 2 regions", ErrorKind::too_large,
                     few);
    // The limit is met before the map is read: it says 10^7 regions and holds three.
    expect_tar_error(sparse_10("10000000\n0\n0\n0\n0\n0\n0\n", "100", ""), "more than 2 regions",
                     ErrorKind::too_large, few);
}

TEST(TarSparseTest, OnlyPlainFilesOfKnownFormats) {
    const PaxRecords records{
        {"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", "1"}};
    expect_tar_error(TarBuilder().pax(records).symlink("s", "t").finish(), "not a plain file");
    expect_tar_error(TarBuilder().pax(records).directory("d").finish(), "not a plain file");
    expect_tar_error(TarBuilder().pax(records).add(old_gnu("", 0, "")).finish(), "not a plain file");
    for (const auto& [major, minor] : PaxRecords{
             {"1", "1"}, {"2", "0"}, {"0", "2"}, {"", "7"}, {"x", "0"}, {"0", ""}, {"1", "0"}, {"", ""}})
        expect_tar_error(with_pax({{"GNU.sparse.major", major},
                                   {"GNU.sparse.minor", minor},
                                   {"GNU.sparse.realsize", "1"},
                                   {"GNU.sparse.numblocks", "0"},
                                   {"GNU.sparse.map", ""}}),
                         "unknown format", ErrorKind::unsupported);
}

// Go takes the first kind of what is there twice, libarchive the last one.
TEST(TarSparseTest, TwoSizesOrTwoMaps) {
    const auto sparse = [](PaxRecords more) {
        PaxRecords records{{"GNU.sparse.numblocks", "1"}, {"GNU.sparse.size", "3"}};
        records.insert(records.end(), more.begin(), more.end());
        return TarBuilder().pax(records).file("f", "x").finish();
    };
    EXPECT_EQ(only_entry(sparse({{"GNU.sparse.map", "2,1"}})).content, std::string("\0\0x", 3));
    expect_tar_error(sparse({{"GNU.sparse.map", "2,1"}, {"GNU.sparse.realsize", "3"}}), "two sizes");
    expect_tar_error(
        sparse({{"GNU.sparse.map", "2,1"}, {"GNU.sparse.offset", "0"}, {"GNU.sparse.numbytes", "1"}}),
        "two maps");
}

// Which makes a file sparse to libarchive, whatever its type.
TEST(TarSparseTest, MapsInTheHeadersOfOtherTypes) {
    for (const char type : {'0', '\0', '5', '2', 'L'}) {
        TarMember member = old_gnu(gnu_regions({1000, 7}), 3017);
        member.type = type;
        expect_tar_error(TarBuilder().add(member).finish(), "a sparse map in the header of something else");
        member.patches.erase(386);
        expect_tar_error(TarBuilder().add(member).finish(), "a sparse map in the header of something else");
    }
}

TEST(TarSparseTest, FilesOfStarAreNotSupported) {
    expect_tar_error(with_pax({{"SCHILY.realsize", "1"}}), "sparse files of star", ErrorKind::unsupported);
}

}  // namespace
}  // namespace osb::oci

// The extensions of tar: PAX and GNU headers, xattrs, sparse files.
#include <gtest/gtest.h>

#include <string>

#include "oci/tar_reader.hh"
#include "tests/support/read_archive.hh"
#include "tests/support/tar_builder.hh"

namespace osb::oci {
namespace {

using test::PaxRecords;
using test::read_archive;
using test::ReadArchive;
using test::ReadEntry;
using test::ReadOptions;
using test::TarBuilder;
using test::TarMagic;
using test::TarMember;
using Xattrs = std::vector<std::pair<std::string, std::string>>;

ReadEntry only_entry(const std::string& bytes) {
    const ReadArchive archive = read_archive(bytes);
    EXPECT_EQ(archive.error, "");
    EXPECT_EQ(archive.entries.size(), 1U);
    return archive.entries.empty() ? ReadEntry{} : archive.entries[0];
}

void expect_error(const std::string& bytes, std::string_view part, ErrorKind kind = ErrorKind::invalid,
                  const TarLimits& limits = {}) {
    ReadOptions options;
    options.limits = limits;
    const ReadArchive archive = read_archive(bytes, options);
    EXPECT_NE(archive.error.find(part), std::string::npos)
        << '"' << archive.error << "\" without \"" << part << '"';
    EXPECT_EQ(archive.kind, kind) << archive.error;
}

std::string with_pax(const PaxRecords& records) {
    return TarBuilder().pax(records).file("f", "x").finish();
}
std::string with_raw_pax(std::string_view text) {
    return TarBuilder().pax_raw(text).file("f", "x").finish();
}

// ---- PAX
// ------------------------------------------------------------------------------------------------------

TEST(TarPaxTest, OverridesOfFields) {
    TarMember link;
    link.name = "short";
    link.type = '2';
    link.link_name = "t";
    const std::string path(1000, 'p');
    const ReadEntry entry = only_entry(TarBuilder()
                                           .pax({{"path", path},
                                                 {"linkpath", "other\n=target"},
                                                 {"uid", "4294967294"},
                                                 {"gid", "3000000"},
                                                 {"comment", std::string(3, '\0')},
                                                 {"hdrcharset", "BINARY"},
                                                 {"VENDOR.key", ""}})
                                           .add(link)
                                           .finish());
    EXPECT_EQ(entry.entry.path, path);
    EXPECT_EQ(entry.entry.link_target, "other\n=target");
    EXPECT_EQ(entry.entry.uid, 0xfffffffeU);
    EXPECT_EQ(entry.entry.gid, 3000000U);
}

TEST(TarPaxTest, SizeCountsForTheContent) {
    TarMember member;
    member.name = "f";
    member.content = "0123456789";
    member.size = 0;
    const std::string bytes = TarBuilder().pax({{"size", "10"}}).add(member).file("g", "y").finish();
    const ReadArchive archive = read_archive(bytes);
    EXPECT_EQ(archive.error, "");
    ASSERT_EQ(archive.entries.size(), 2U);
    EXPECT_EQ(archive.entries[0].content, "0123456789");
}

TEST(TarPaxTest, LastOfARepeatedKeyCounts) {
    EXPECT_EQ(only_entry(with_pax({{"path", "a"}, {"path", "b"}})).entry.path, "b");
    EXPECT_EQ(only_entry(with_pax({{"path", "a"}, {"path", ""}})).entry.path, "f");
    EXPECT_EQ(only_entry(with_pax({{"uid", "5"}, {"uid", ""}})).entry.uid, 0U);
}

TEST(TarPaxTest, MalformedRecords) {
    for (const std::string& text : {std::string("x"),
                                    std::string("9 path=a"),
                                    std::string("11 path=a\n"),
                                    std::string("8 path=a\n"),
                                    std::string("0 path=a\n"),
                                    std::string("-9 path=a\n"),
                                    std::string("+9 path=a\n"),
                                    std::string(" 9 path=a\n"),
                                    std::string("9path=a\n\n"),
                                    std::string("9\tpath=a\n"),
                                    std::string("8 path a\n"),
                                    std::string("7 pathx\n"),
                                    std::string("4 =\n"),
                                    std::string("6 =ab\n"),
                                    std::string("3 \n"),
                                    std::string("2\n"),
                                    std::string("9 "),
                                    std::string("9"),
                                    std::string("99999999999999999999999 a=b\n"),
                                    std::string("18446744073709551615 a=b\n"),
                                    std::string("9 path=a\n") + std::string(3, '\0'),
                                    std::string("9 pa\0h=a\n", 9),
                                    std::string("9 path=a\n9 path=b")})
        expect_error(with_raw_pax(text), "tar header at offset 0: pax header:");
}

TEST(TarPaxTest, EmptyHeaderIsFine) {
    EXPECT_EQ(only_entry(with_raw_pax("")).entry.path, "f");
}

TEST(TarPaxTest, NulInNames) {
    expect_error(with_pax({{"path", std::string("a\0b", 3)}}), "NUL");
    expect_error(with_pax({{"linkpath", std::string("a\0", 2)}}), "NUL");
    expect_error(with_pax({{"GNU.sparse.name", std::string("\0", 1)}}), "NUL");
}

// Go leaves them to its callers, who do not apply them; GNU tar does.
TEST(TarPaxTest, GlobalHeadersMustNotChangeEntries) {
    const auto with_global = [](const PaxRecords& records) {
        return TarBuilder().global_pax(records).file("f", "x").finish();
    };
    for (const PaxRecords& records :
         {PaxRecords{{"path", "evil"}}, PaxRecords{{"linkpath", "evil"}}, PaxRecords{{"uid", "7"}},
          PaxRecords{{"gid", "7"}}, PaxRecords{{"size", "0"}}, PaxRecords{{"SCHILY.xattr.user.a", "b"}}})
        expect_error(with_global(records), "global pax header that would change entries");
    // As git writes it.
    const ReadEntry entry = only_entry(with_global({{"comment", "0123abcd"}, {"mtime", "1"}, {"path", ""}}));
    EXPECT_EQ(entry.entry.path, "f");
    EXPECT_EQ(entry.content, "x");
    expect_error(with_global({{"uid", "x"}}), "'uid'");
    TarMember broken;
    broken.name = "g";
    broken.type = 'g';
    broken.content = "junk";
    expect_error(TarBuilder().add(broken).file("f", "x").finish(), "pax header");
    EXPECT_EQ(read_archive(TarBuilder().global_pax({{"comment", "at the end"}}).finish()).error, "");
}

// libarchive makes a hard link of such a file.
TEST(TarPaxTest, LinkTargetsOfWhatIsNoLink) {
    for (TarBuilder builder : {TarBuilder().pax({{"linkpath", "t"}}), TarBuilder().gnu_long_link("t")}) {
        for (const char type : {'0', '3', '5', '6'}) {
            TarMember member;
            member.name = "f";
            member.type = type;
            TarBuilder copy = builder;
            expect_error(copy.add(member).finish(), "entry 'f': a link target for something that is not");
        }
    }
}

TEST(TarPaxTest, Limits) {
    TarLimits limits;
    limits.max_extension = 2000;
    limits.max_path = 100;
    expect_error(with_pax({{"comment", std::string(2000, 'c')}}), "an extended header of 2014 bytes",
                 ErrorKind::too_large, limits);
    expect_error(with_pax({{"path", std::string(101, 'c')}}), "the path has 101 bytes", ErrorKind::too_large,
                 limits);
    expect_error(TarBuilder().pax({{"linkpath", std::string(101, 'c')}}).symlink("s", "t").finish(),
                 "the link target has 101 bytes", ErrorKind::too_large, limits);
    expect_error(TarBuilder().gnu_long_name(std::string(2000, 'n')).file("f", "").finish(),
                 "an extended header of 2001 bytes", ErrorKind::too_large, limits);
    TarMember huge;
    huge.name = "x";
    huge.type = 'x';
    huge.size = 1LL << 30U;
    expect_error(TarBuilder().add(huge).bytes(), "extended header of 1073741824", ErrorKind::too_large);
    PaxRecords many;
    for (int i = 0; i < 60000; ++i) many.emplace_back("k", "v");
    EXPECT_EQ(only_entry(with_pax(many)).entry.path, "f");
}

TEST(TarExtensionTest, TwiceOrForNothing) {
    const PaxRecords records{{"path", "a"}};
    expect_error(TarBuilder().pax(records).pax(records).file("f", "").finish(), "two pax headers");
    expect_error(TarBuilder().gnu_long_name("a").gnu_long_name("b").file("f", "").finish(), "two long names");
    expect_error(TarBuilder().gnu_long_link("a").gnu_long_link("b").symlink("f", "t").finish(),
                 "two long link");
    expect_error(TarBuilder().pax(records).global_pax(records).file("f", "").finish(), "global");
    expect_error(TarBuilder().pax(records).finish(), "without an entry");
    expect_error(TarBuilder().gnu_long_name("a").finish(), "without an entry");
    expect_error(TarBuilder().gnu_long_link("a").bytes(), "without an entry");
}

// ---- GNU
// ------------------------------------------------------------------------------------------------------

TEST(TarGnuTest, LongNames) {
    const std::string name(3000, 'n');
    const std::string target(4000, 't');
    const ReadEntry entry =
        only_entry(TarBuilder().gnu_long_link(target).gnu_long_name(name).symlink("n", "t").finish());
    EXPECT_EQ(entry.entry.path, name);
    EXPECT_EQ(entry.entry.link_target, target);
}

// The GNU name counts for Go, the pax one for GNU tar; and that of a sparse file for Go again.
TEST(TarGnuTest, LongNamesBesidesPaxNames) {
    const auto named = [](const PaxRecords& records) {
        return TarBuilder().pax(records).gnu_long_name("g").file("f", "").finish();
    };
    expect_error(named({{"path", "p"}}), "a long name besides one in a pax header");
    expect_error(named({{"GNU.sparse.major", "1"},
                        {"GNU.sparse.minor", "0"},
                        {"GNU.sparse.realsize", "0"},
                        {"GNU.sparse.name", "s"}}),
                 "a long name besides one in a pax header");
    EXPECT_EQ(only_entry(named({{"mtime", "1"}})).entry.path, "g");
    expect_error(TarBuilder().gnu_long_link("g").pax({{"linkpath", "p"}}).symlink("f", "t").finish(),
                 "a long link target besides one in a pax header");
}

TEST(TarGnuTest, MalformedLongNames) {
    expect_error(TarBuilder().gnu_long_name(std::string("a\0b", 3)).file("f", "").finish(),
                 "long name with a NUL");
    expect_error(TarBuilder().gnu_long_name("").file("f", "").finish(), "empty long name");
    TarMember empty;
    empty.name = "././@LongLink";
    empty.type = 'L';
    expect_error(TarBuilder().add(empty).file("f", "").finish(), "empty long name");
    empty.content = "without-nul";
    EXPECT_EQ(only_entry(TarBuilder().add(empty).file("f", "").finish()).entry.path, "without-nul");
}

// ---- xattrs
// ---------------------------------------------------------------------------------------------------

TEST(TarXattrTest, SortedAndAnyBytes) {
    std::string value = "a=b\n";
    for (int i = 0; i < 256; ++i) value.push_back(static_cast<char>(i));
    const ReadEntry entry =
        only_entry(with_pax({{"SCHILY.xattr.user.z", value},
                             {"SCHILY.xattr.security.capability", std::string("\1\0\0\2", 4)},
                             {"SCHILY.xattr.user.empty", ""},
                             {"SCHILY.xattr.user.a", "1"},
                             {"SCHILY.xattr.user.a", "2"}}));
    EXPECT_EQ(entry.entry.xattrs, (Xattrs{{"security.capability", std::string("\1\0\0\2", 4)},
                                          {"user.a", "2"},
                                          {"user.empty", ""},
                                          {"user.z", value}}));
}

// libarchive writes each attribute twice; Go reads SCHILY.xattr. alone.
TEST(TarXattrTest, Libarchive) {
    const PaxRecords both{{"LIBARCHIVE.xattr.user.%C3%a4%20", "AAEC"},
                          {"LIBARCHIVE.xattr.user.one", "/w"},
                          {"LIBARCHIVE.xattr.user.padded", "/w=="},
                          {"LIBARCHIVE.xattr.user.two", "+/8"},
                          {"LIBARCHIVE.xattr.user.none", ""},
                          {"SCHILY.xattr.user.none", ""},
                          {"SCHILY.xattr.user.one", "\xff"},
                          {"SCHILY.xattr.user.padded", "\xff"},
                          {"SCHILY.xattr.user.two", "\xfb\xff"},
                          {"SCHILY.xattr.user.\xc3\xa4 ", std::string("\0\1\2", 3)}};
    const Xattrs expected(both.begin() + 5, both.end());
    const ReadEntry entry = only_entry(with_pax(both));
    ASSERT_EQ(entry.entry.xattrs.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        EXPECT_EQ("SCHILY.xattr." + entry.entry.xattrs[i].first, expected[i].first);
        EXPECT_EQ(entry.entry.xattrs[i].second, expected[i].second);
    }
    for (std::size_t i = 5; i < both.size(); ++i) {
        PaxRecords one_less = both;
        one_less.erase(one_less.begin() + static_cast<std::ptrdiff_t>(i));
        expect_error(with_pax(one_less), "only as libarchive reads it");
        PaxRecords other = both;
        other[i].second += "x";
        expect_error(with_pax(other), "only as libarchive reads it");
    }
}

TEST(TarXattrTest, Malformed) {
    expect_error(with_pax({{"SCHILY.xattr.", "v"}}), "xattr without a proper name");
    expect_error(with_pax({{"LIBARCHIVE.xattr.", "AAAA"}}), "xattr without a proper name");
    expect_error(with_pax({{"LIBARCHIVE.xattr.a%00b", "AAAA"}}), "xattr without a proper name");
    for (const char* name : {"%", "%4", "%4g", "%zz", "a%"})
        expect_error(with_pax({{std::string("LIBARCHIVE.xattr.") + name, "AAAA"}}), "malformed escape");
    for (const char* value : {"A", "AAAAA", "A===", "AA=A", "A A A", "AAAA\n", "====", "=", "AA-_"})
        expect_error(with_pax({{"LIBARCHIVE.xattr.user.a", value}}), "malformed base64");
}

TEST(TarXattrTest, Limits) {
    PaxRecords records;
    for (int i = 0; i < 256; ++i) records.emplace_back("SCHILY.xattr.user." + std::to_string(i), "v");
    EXPECT_EQ(only_entry(with_pax(records)).entry.xattrs.size(), 256U);
    records.emplace_back("SCHILY.xattr.user.256", "v");
    expect_error(with_pax(records), "more than 256 xattrs", ErrorKind::too_large);
}

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
    expect_error(sparse_01("1000,3,1002,4", "2", "3017"), "overlap");
    expect_error(sparse_01("3003,4,1000,3", "2", "3017"), "overlap");
    expect_error(sparse_01("1000,3,3014,4", "2", "3017"), "outside");
    expect_error(sparse_01("1000,3,9223372036854775807,9223372036854775807", "2", "3017"), "outside");
    expect_error(sparse_01("1000,3,3003,3", "2", "3017"), "describes 6 stored bytes, and there are 7");
    expect_error(sparse_01("1000,3,3003,4", "3", "3017"), "as many regions");
    expect_error(sparse_01("1000,3,3003", "1", "3017"), "as many regions");
    for (const char* map : {"1000,3,", ",1000,3", "1000,,3", "a,3", "-1,3", "1000;3", "1000,3\n", ","})
        expect_error(sparse_01(map, "1", "3017"), "sparse map");
    expect_error(sparse_01("1000,3,3003,4", "2", ""), "without its size");
    expect_error(sparse_01("1000,3,3003,4", "2", "-1"), "'size'");
    expect_error(
        TarBuilder()
            .pax({{"GNU.sparse.size", "10"}, {"GNU.sparse.numblocks", "1"}, {"GNU.sparse.numbytes", "1"}})
            .file("f", "x")
            .finish(),
        "out of order");
    for (const char* map :
         {"2\n1000\n3\n3003\n", "", "x\n", "-1\n", "1\n\n3\n", "1\n1000\n99999999999999999999\n",
          "000000000000000000000000002\n1000\n3\n", "1 1000 3 "})
        expect_error(sparse_10(map, "3017", ""), "sparse map");
    expect_error(sparse_10("2\n1000\n3\n3003\n4\n", "3017", "abcdefgh"), "there are 8");
}

TEST(TarSparseTest, BadOldGnuMaps) {
    const auto bytes = [](const TarMember& member) { return TarBuilder().add(member).finish(); };
    expect_error(bytes(old_gnu(gnu_regions({1000, 3, 1001, 4}), 3017)), "overlap");
    expect_error(bytes(old_gnu(gnu_regions({1000, 7}), 1006)), "outside");
    expect_error(bytes(old_gnu(gnu_regions({1000, 6}), 3017)), "describes 6");
    expect_error(bytes(old_gnu("garbage", 3017)), "offset of a sparse region");
    expect_error(bytes(old_gnu(std::string(12, '\xff') + octal12(1), 3017)), "negative");
    TarMember continued = old_gnu(gnu_regions({1000, 7}), 3017);
    continued.patches[482] = "\1";
    expect_error(bytes(continued), "goes on behind its end");
    TarMember ustar = old_gnu(gnu_regions({1000, 7}), 3017);
    ustar.magic = TarMagic::ustar;
    expect_error(bytes(ustar), "without a GNU header");
    TarMember endless = old_gnu(gnu_regions({0, 1, 1, 1, 2, 1, 3, 1}), 3017);
    endless.patches[482] = "\1";
    endless.content = "";
    expect_error(TarBuilder().add(endless).bytes(), "truncated");
}

TEST(TarSparseTest, Limits) {
    expect_error(sparse_01("0,7", "1", "9223372036854775807"), "a file of 9223372036854775807 bytes",
                 ErrorKind::too_large);
    expect_error(sparse_10("1\n0\n7\n", "9223372036854775807"), "a file of", ErrorKind::too_large);
    expect_error(TarBuilder().add(old_gnu(gnu_regions({0, 7}), 1ULL << 32U)).finish(), "a file of",
                 ErrorKind::too_large, [] {
                     TarLimits limits;
                     limits.max_file_size = 1ULL << 31U;
                     return limits;
                 }());
    TarLimits few;
    few.max_sparse_regions = 2;
    expect_error(sparse_01("0,1,2,1,4,1", "3", "100", "abc"), "more than 2 regions", ErrorKind::too_large,
                 few);
    // The limit is met before the map is read: it says 10^7 regions and holds three.
    expect_error(sparse_10("10000000\n0\n0\n0\n0\n0\n0\n", "100", ""), "more than 2 regions",
                 ErrorKind::too_large, few);
}

TEST(TarSparseTest, OnlyPlainFilesOfKnownFormats) {
    const PaxRecords records{
        {"GNU.sparse.major", "1"}, {"GNU.sparse.minor", "0"}, {"GNU.sparse.realsize", "1"}};
    expect_error(TarBuilder().pax(records).symlink("s", "t").finish(), "not a plain file");
    expect_error(TarBuilder().pax(records).directory("d").finish(), "not a plain file");
    expect_error(TarBuilder().pax(records).add(old_gnu("", 0, "")).finish(), "not a plain file");
    for (const auto& [major, minor] : PaxRecords{
             {"1", "1"}, {"2", "0"}, {"0", "2"}, {"", "7"}, {"x", "0"}, {"0", ""}, {"1", "0"}, {"", ""}})
        expect_error(with_pax({{"GNU.sparse.major", major},
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
    expect_error(sparse({{"GNU.sparse.map", "2,1"}, {"GNU.sparse.realsize", "3"}}), "two sizes");
    expect_error(
        sparse({{"GNU.sparse.map", "2,1"}, {"GNU.sparse.offset", "0"}, {"GNU.sparse.numbytes", "1"}}),
        "two maps");
}

// Which makes a file sparse to libarchive, whatever its type.
TEST(TarSparseTest, MapsInTheHeadersOfOtherTypes) {
    for (const char type : {'0', '\0', '5', '2', 'L'}) {
        TarMember member = old_gnu(gnu_regions({1000, 7}), 3017);
        member.type = type;
        expect_error(TarBuilder().add(member).finish(), "a sparse map in the header of something else");
        member.patches.erase(386);
        expect_error(TarBuilder().add(member).finish(), "a sparse map in the header of something else");
    }
}

TEST(TarSparseTest, FilesOfStarAreNotSupported) {
    expect_error(with_pax({{"SCHILY.realsize", "1"}}), "sparse files of star", ErrorKind::unsupported);
}

}  // namespace
}  // namespace osb::oci

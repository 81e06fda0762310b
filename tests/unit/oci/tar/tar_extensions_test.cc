// The extensions of tar: PAX and GNU headers, and extended attributes.
#include <gtest/gtest.h>

#include <string>

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
using test::ReadEntry;
using test::ReadOptions;
using test::TarBuilder;
using test::TarMagic;
using test::TarMember;
using test::with_pax;
using Xattrs = std::vector<std::pair<std::string, std::string>>;

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
        expect_tar_error(with_raw_pax(text), "tar header at offset 0: pax header:");
}

TEST(TarPaxTest, EmptyHeaderIsFine) {
    EXPECT_EQ(only_entry(with_raw_pax("")).entry.path, "f");
}

TEST(TarPaxTest, NulInNames) {
    expect_tar_error(with_pax({{"path", std::string("a\0b", 3)}}), "NUL");
    expect_tar_error(with_pax({{"linkpath", std::string("a\0", 2)}}), "NUL");
    expect_tar_error(with_pax({{"GNU.sparse.name", std::string("\0", 1)}}), "NUL");
}

// Go leaves them to its callers, who do not apply them; GNU tar does.
TEST(TarPaxTest, GlobalHeadersMustNotChangeEntries) {
    const auto with_global = [](const PaxRecords& records) {
        return TarBuilder().global_pax(records).file("f", "x").finish();
    };
    for (const PaxRecords& records :
         {PaxRecords{{"path", "evil"}}, PaxRecords{{"linkpath", "evil"}}, PaxRecords{{"uid", "7"}},
          PaxRecords{{"gid", "7"}}, PaxRecords{{"size", "0"}}, PaxRecords{{"SCHILY.xattr.user.a", "b"}}})
        expect_tar_error(with_global(records), "global pax header that would change entries");
    // As git writes it.
    const ReadEntry entry = only_entry(with_global({{"comment", "0123abcd"}, {"mtime", "1"}, {"path", ""}}));
    EXPECT_EQ(entry.entry.path, "f");
    EXPECT_EQ(entry.content, "x");
    expect_tar_error(with_global({{"uid", "x"}}), "'uid'");
    TarMember broken;
    broken.name = "g";
    broken.type = 'g';
    broken.content = "junk";
    expect_tar_error(TarBuilder().add(broken).file("f", "x").finish(), "pax header");
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
            expect_tar_error(copy.add(member).finish(), "entry 'f': a link target for something that is not");
        }
    }
}

TEST(TarPaxTest, Limits) {
    TarLimits limits;
    limits.max_extension = 2000;
    limits.max_path = 100;
    expect_tar_error(with_pax({{"comment", std::string(2000, 'c')}}), "an extended header of 2014 bytes",
                     ErrorKind::too_large, limits);
    expect_tar_error(with_pax({{"path", std::string(101, 'c')}}), "the path has 101 bytes",
                     ErrorKind::too_large, limits);
    expect_tar_error(TarBuilder().pax({{"linkpath", std::string(101, 'c')}}).symlink("s", "t").finish(),
                     "the link target has 101 bytes", ErrorKind::too_large, limits);
    expect_tar_error(TarBuilder().gnu_long_name(std::string(2000, 'n')).file("f", "").finish(),
                     "an extended header of 2001 bytes", ErrorKind::too_large, limits);
    TarMember huge;
    huge.name = "x";
    huge.type = 'x';
    huge.size = 1LL << 30U;
    expect_tar_error(TarBuilder().add(huge).bytes(), "extended header of 1073741824", ErrorKind::too_large);
    PaxRecords many;
    for (int i = 0; i < 60000; ++i) many.emplace_back("k", "v");
    EXPECT_EQ(only_entry(with_pax(many)).entry.path, "f");
}

TEST(TarExtensionTest, TwiceOrForNothing) {
    const PaxRecords records{{"path", "a"}};
    expect_tar_error(TarBuilder().pax(records).pax(records).file("f", "").finish(), "two pax headers");
    expect_tar_error(TarBuilder().gnu_long_name("a").gnu_long_name("b").file("f", "").finish(),
                     "two long names");
    expect_tar_error(TarBuilder().gnu_long_link("a").gnu_long_link("b").symlink("f", "t").finish(),
                     "two long link");
    expect_tar_error(TarBuilder().pax(records).global_pax(records).file("f", "").finish(), "global");
    expect_tar_error(TarBuilder().pax(records).finish(), "without an entry");
    expect_tar_error(TarBuilder().gnu_long_name("a").finish(), "without an entry");
    expect_tar_error(TarBuilder().gnu_long_link("a").bytes(), "without an entry");
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
    expect_tar_error(named({{"path", "p"}}), "a long name in addition to one in a pax header");
    expect_tar_error(named({{"GNU.sparse.major", "1"},
                            {"GNU.sparse.minor", "0"},
                            {"GNU.sparse.realsize", "0"},
                            {"GNU.sparse.name", "s"}}),
                     "a long name in addition to one in a pax header");
    EXPECT_EQ(only_entry(named({{"mtime", "1"}})).entry.path, "g");
    expect_tar_error(TarBuilder().gnu_long_link("g").pax({{"linkpath", "p"}}).symlink("f", "t").finish(),
                     "a long link target in addition to one in a pax header");
}

TEST(TarGnuTest, MalformedLongNames) {
    expect_tar_error(TarBuilder().gnu_long_name(std::string("a\0b", 3)).file("f", "").finish(),
                     "long name with a NUL");
    expect_tar_error(TarBuilder().gnu_long_name("").file("f", "").finish(), "empty long name");
    TarMember empty;
    empty.name = "././@LongLink";
    empty.type = 'L';
    expect_tar_error(TarBuilder().add(empty).file("f", "").finish(), "empty long name");
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
        expect_tar_error(with_pax(one_less), "only in the form of libarchive");
        PaxRecords other = both;
        other[i].second += "x";
        expect_tar_error(with_pax(other), "only in the form of libarchive");
    }
}

TEST(TarXattrTest, Malformed) {
    expect_tar_error(with_pax({{"SCHILY.xattr.", "v"}}), "xattr without a proper name");
    expect_tar_error(with_pax({{"LIBARCHIVE.xattr.", "AAAA"}}), "xattr without a proper name");
    expect_tar_error(with_pax({{"LIBARCHIVE.xattr.a%00b", "AAAA"}}), "xattr without a proper name");
    for (const char* name : {"%", "%4", "%4g", "%zz", "a%"})
        expect_tar_error(with_pax({{std::string("LIBARCHIVE.xattr.") + name, "AAAA"}}), "malformed escape");
    for (const char* value : {"A", "AAAAA", "A===", "AA=A", "A A A", "AAAA\n", "====", "=", "AA-_"})
        expect_tar_error(with_pax({{"LIBARCHIVE.xattr.user.a", value}}), "malformed base64");
}

TEST(TarXattrTest, Limits) {
    PaxRecords records;
    for (int i = 0; i < 256; ++i) records.emplace_back("SCHILY.xattr.user." + std::to_string(i), "v");
    EXPECT_EQ(only_entry(with_pax(records)).entry.xattrs.size(), 256U);
    records.emplace_back("SCHILY.xattr.user.256", "v");
    expect_tar_error(with_pax(records), "more than 256 xattrs", ErrorKind::too_large);
}

}  // namespace
}  // namespace osb::oci

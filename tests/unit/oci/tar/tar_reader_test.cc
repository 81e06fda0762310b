#include "oci/tar/tar_reader.hh"

#include <gtest/gtest.h>

#include <string>

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
using test::SteppedSource;
using test::TarBuilder;
using test::TarMagic;
using test::TarMember;

TarMember member_of(std::string name, char type = '0') {
    TarMember member;
    member.name = std::move(name);
    member.type = type;
    return member;
}

std::string one(const TarMember& member) {
    return TarBuilder().add(member).finish();
}

// ---- the end of an archive
// ----------------------------------------------------------------------------------

TEST(TarEndTest, NoBytesAreAnEmptyArchive) {
    EXPECT_EQ(read_archive("").error, "");
}

TEST(TarEndTest, ZeroBlocks) {
    for (const std::size_t blocks : {1U, 2U, 20U, 10000U}) {
        const ReadArchive archive = read_archive(std::string(blocks * 512, '\0'));
        EXPECT_EQ(archive.error, "") << blocks;
        EXPECT_TRUE(archive.entries.empty());
        EXPECT_EQ(archive.rubbish, 0U);
    }
}

TEST(TarEndTest, EndOfStreamBetweenEntries) {
    const ReadArchive archive = read_archive(TarBuilder().file("a", "x").bytes());
    EXPECT_EQ(archive.error, "");
    EXPECT_EQ(archive.entries.size(), 1U);
}

TEST(TarEndTest, PartOfAZeroBlockIsTruncation) {
    expect_tar_error(std::string(100, '\0'), "truncated");
    expect_tar_error(std::string(700, '\0'), "truncated");
}

TEST(TarEndTest, LoneZeroBlockBetweenEntriesIsRefused) {
    const std::string zero(512, '\0');
    expect_tar_error(TarBuilder().file("a", "x").raw(zero).file("b", "y").finish(), "zero block");
}

TEST(TarEndTest, WhatFollowsIsCountedAndNotLookedInto) {
    const std::string second = TarBuilder().file("evil", "x").finish();
    const ReadArchive archive = read_archive(TarBuilder().file("a", "x").finish() + second);
    EXPECT_EQ(archive.error, "");
    ASSERT_EQ(archive.entries.size(), 1U);
    EXPECT_EQ(archive.entries[0].entry.path, "a");
    const auto zeros = std::count(second.begin(), second.end(), '\0');
    EXPECT_EQ(archive.rubbish, second.size() - static_cast<std::size_t>(zeros));
    EXPECT_EQ(read_archive(std::string(1024, '\0') + std::string(300000, '\0') + "abc").rubbish, 3U);
}

TEST(TarEndTest, NextStaysFalse) {
    const std::string bytes = TarBuilder().finish() + TarBuilder().file("evil", "x").finish();
    SteppedSource source(bytes);
    TarReader reader(source);
    TarEntry entry;
    EXPECT_FALSE(reader.next(entry));
    EXPECT_FALSE(reader.next(entry));
}

// ---- entries
// --------------------------------------------------------------------------------------------------

TEST(TarEntryTest, EveryType) {
    const std::string bytes = TarBuilder()
                                  .directory("d/", 01755)
                                  .file("d/f", "content", 04755)
                                  .symlink("d/s", "../target")
                                  .hardlink("d/h", "d/f")
                                  .device("d/c", '3', 1, 3)
                                  .device("d/b", '4', 0xffff, 0x1fffff)
                                  .fifo("d/p")
                                  .finish();
    const ReadArchive archive = read_archive(bytes);
    ASSERT_EQ(archive.error, "");
    ASSERT_EQ(archive.entries.size(), 7U);
    const auto& e = archive.entries;
    EXPECT_EQ(e[0].entry.type, TarType::directory);
    EXPECT_EQ(e[0].entry.path, "d/");
    EXPECT_EQ(e[0].entry.mode, 01755U);
    EXPECT_EQ(e[1].entry.type, TarType::file);
    EXPECT_EQ(e[1].entry.mode, 04755U);
    EXPECT_EQ(e[1].entry.size, 7U);
    EXPECT_EQ(e[1].content, "content");
    EXPECT_EQ(e[2].entry.type, TarType::symlink);
    EXPECT_EQ(e[2].entry.link_target, "../target");
    EXPECT_EQ(e[3].entry.type, TarType::hardlink);
    EXPECT_EQ(e[3].entry.link_target, "d/f");
    EXPECT_EQ(e[4].entry.type, TarType::character_device);
    EXPECT_EQ(e[4].entry.device_major, 1U);
    EXPECT_EQ(e[4].entry.device_minor, 3U);
    EXPECT_EQ(e[4].entry.link_target, "");
    EXPECT_EQ(e[5].entry.type, TarType::block_device);
    EXPECT_EQ(e[5].entry.device_minor, 0x1fffffU);
    EXPECT_EQ(e[6].entry.type, TarType::fifo);
    EXPECT_EQ(e[6].entry.device_major, 0U);
}

TEST(TarEntryTest, OffsetsOfHeaderAndContent) {
    const std::string bytes = TarBuilder().file("a", "x").pax({{"path", "b"}}).file("_", "yz").finish();
    const ReadArchive archive = read_archive(bytes);
    ASSERT_EQ(archive.entries.size(), 2U);
    EXPECT_EQ(archive.entries[0].header_offset, 0U);
    EXPECT_EQ(archive.entries[0].data_offset, 512U);
    EXPECT_EQ(archive.entries[1].header_offset, 2048U);
    EXPECT_EQ(bytes.substr(archive.entries[1].data_offset, 2), "yz");
}

TEST(TarEntryTest, ContentNeedNotBeRead) {
    TarBuilder builder;
    for (std::size_t size : {0U, 1U, 511U, 512U, 513U, 300000U, 3U, 1000000U})
        builder.file("f", std::string(size, 'c'));
    for (const std::size_t in_step : {1U, 511U, 100000U}) {
        ReadOptions options;
        options.in_step = in_step;
        options.skip_content = true;
        const ReadArchive archive = read_archive(builder.finish(), options);
        EXPECT_EQ(archive.error, "");
        ASSERT_EQ(archive.entries.size(), 8U);
        EXPECT_EQ(archive.entries[7].entry.size, 1000000U);
    }
}

TEST(TarEntryTest, ContentReadInPart) {
    const std::string bytes = TarBuilder().file("a", std::string(5000, 'a')).file("b", "b").finish();
    SteppedSource source(bytes, 700);
    TarReader reader(source);
    TarEntry entry;
    ASSERT_TRUE(reader.next(entry));
    std::uint8_t some[3];
    EXPECT_EQ(reader.read(some), 3U);
    ASSERT_TRUE(reader.next(entry));
    EXPECT_EQ(entry.path, "b");
    EXPECT_EQ(reader.read(some), 1U);
    EXPECT_EQ(some[0], 'b');
    EXPECT_EQ(reader.read(some), 0U);
}

TEST(TarEntryTest, NothingOfTheEntryBeforeStays) {
    const std::string bytes = TarBuilder()
                                  .pax({{"SCHILY.xattr.user.a", "1"}, {"uid", "7"}})
                                  .symlink("s", "t")
                                  .file("f", "")
                                  .finish();
    const ReadArchive archive = read_archive(bytes);
    ASSERT_EQ(archive.entries.size(), 2U);
    EXPECT_EQ(archive.entries[0].entry.xattrs.size(), 1U);
    EXPECT_EQ(archive.entries[0].entry.uid, 7U);
    EXPECT_TRUE(archive.entries[1].entry.xattrs.empty());
    EXPECT_EQ(archive.entries[1].entry.link_target, "");
    EXPECT_EQ(archive.entries[1].entry.uid, 0U);
}

TEST(TarEntryTest, FileOfTheOldTypeWithTrailingSlashIsADirectory) {
    EXPECT_EQ(only_entry(one(member_of("old/", '\0'))).entry.type, TarType::directory);
    TarMember v7 = member_of("old/", '\0');
    v7.magic = TarMagic::v7;
    EXPECT_EQ(only_entry(one(v7)).entry.type, TarType::directory);
    v7.content = "x";
    expect_tar_error(one(v7), "name is that of a directory");
    // Go's file is GNU tar's directory.
    expect_tar_error(one(member_of("new/", '0')), "name ends with a slash");
    expect_tar_error(TarBuilder().pax({{"path", "new/"}}).file("f", "x").finish(), "name ends with a slash");
    expect_tar_error(TarBuilder().gnu_long_name("new/").file("f", "x").finish(), "name ends with a slash");
}

// A size in the header of a type without content is only information.
TEST(TarEntryTest, SizesOfTypesWithoutContent) {
    for (const char type : {'1', '2', '3', '4', '5', '6'}) {
        TarMember member = member_of("first", type);
        member.link_name = "t";
        member.size = 4096;
        const ReadArchive archive = read_archive(TarBuilder().add(member).file("second", "x").finish());
        EXPECT_EQ(archive.error, "") << type;
        ASSERT_EQ(archive.entries.size(), 2U) << type;
        EXPECT_EQ(archive.entries[0].entry.size, 0U);
        EXPECT_EQ(archive.entries[1].content, "x");
    }
}

// GNU tar and old versions of libarchive pass over that many bytes, in which Go sees entries.
TEST(TarEntryTest, SizesInPaxHeadersOfTypesWithoutContent) {
    for (const char type : {'1', '2', '3', '4', '5', '6'}) {
        TarMember member = member_of("first", type);
        member.link_name = "t";
        expect_tar_error(TarBuilder().pax({{"size", "512"}}).add(member).file("evil", "").finish(),
                         "entry 'first': content of something that is not a file");
        EXPECT_EQ(read_archive(TarBuilder().pax({{"size", "0"}}).add(member).finish()).error, "");
    }
}

// POSIX lets a hard link carry the data again in a pax archive, and Go reads headers there.
TEST(TarEntryTest, HardlinkWithContentInAPaxArchive) {
    TarMember member = member_of("h", '1');
    member.link_name = "f";
    member.content = "the same again";
    expect_tar_error(TarBuilder().pax({{"mtime", "1.5"}}).add(member).finish(), "content of something");
    member.content = "";
    EXPECT_EQ(only_entry(TarBuilder().pax({{"mtime", "1.5"}}).add(member).finish()).entry.type,
              TarType::hardlink);
}

// Without a pax header libarchive guesses from what comes next whether there is content.
TEST(TarEntryTest, WhatFollowsAHardlinkWithASize) {
    TarMember link = member_of("h", '1');
    link.link_name = "f";
    link.size = 2048;
    TarMember v7 = member_of("evil");
    v7.magic = TarMagic::v7;
    expect_tar_error(TarBuilder().add(link).add(v7).finish(), "may be the content of the hard link");
    const std::string hidden = TarBuilder().file("evil", "").finish();
    expect_tar_error(TarBuilder().add(link).finish() + hidden, "may be the content of the last hard link");
    EXPECT_EQ(read_archive(TarBuilder().add(link).finish()).error, "");
    EXPECT_EQ(read_archive(TarBuilder().add(link).file("f", "").add(v7).finish() + hidden).error, "");
}

TEST(TarEntryTest, UnknownTypesAreNamed) {
    for (const char type : {'7', 'D', 'M', 'V', 'N', 'A', 'X', '8', 'Z', '\x1b'})
        expect_tar_error(one(member_of("thing", type)), "entry 'thing': entries of type '",
                         ErrorKind::unsupported);
    expect_tar_error(one(member_of("thing", '\x1b')), "'\\x1b'", ErrorKind::unsupported);
}

TEST(TarEntryTest, Names) {
    TarMember full = member_of(std::string(100, 'n'));
    EXPECT_EQ(only_entry(one(full)).entry.path, std::string(100, 'n'));
    full.prefix = std::string(155, 'p');
    EXPECT_EQ(only_entry(one(full)).entry.path, std::string(155, 'p') + '/' + std::string(100, 'n'));
    full.prefix = "";
    full.magic = TarMagic::gnu;  // GNU headers have times there
    full.patches[345] = "14012345670 00000000007 ";
    EXPECT_EQ(only_entry(one(full)).entry.path, std::string(100, 'n'));
    TarMember link = member_of("l", '2');
    link.link_name = std::string(100, 't');
    EXPECT_EQ(only_entry(one(link)).entry.link_target, std::string(100, 't'));
    const std::string bytes = "a\n\x1b[2J\xff\xfe//../b ";
    EXPECT_EQ(only_entry(one(member_of(bytes))).entry.path, bytes);
}

// To Go text in the place of a GNU header's times is a prefix: it once wrote such headers.
TEST(TarEntryTest, TextInTheTimesOfAGnuHeaderIsRefused) {
    for (const std::size_t offset : {345U, 357U}) {
        TarMember member = member_of("passwd");
        member.magic = TarMagic::gnu;
        member.patches[offset] = "etc";
        expect_tar_error(one(member), "is not a number: 'etc'");
        member.patches[offset] = std::string("\xff\x7f", 2) + std::string(10, '\0');
        expect_tar_error(one(member), "does not fit 64 bits");
        member.patches[offset] = std::string("\0etc", 4);  // not looked at by anybody
        EXPECT_EQ(only_entry(one(member)).entry.path, "passwd");
    }
}

TEST(TarEntryTest, StarHeadersHaveAShorterPrefix) {
    TarMember member = member_of("name");
    member.prefix = std::string(130, 'p');
    member.patches[476] = "00000000000 00000000000 ";  // atime, ctime
    member.patches[508] = std::string("tar\0", 4);
    EXPECT_EQ(only_entry(one(member)).entry.path, std::string(130, 'p') + "/name");
    // Then POSIX has the time in the prefix.
    member.prefix += 'p';
    expect_tar_error(one(member), "prefix that ends where a star header has its times");
}

TEST(TarEntryTest, OtherMagicsAreRefused) {
    for (const std::string& magic : {std::string("ustar000", 8), std::string("ustar 00"),
                                     std::string("ustar  X"), std::string("ustar\x01\0\0", 8)}) {
        TarMember member = member_of("name");
        member.prefix = "prefix";
        member.patches[257] = magic;
        expect_tar_error(one(member), "unknown magic");
    }
    TarMember member = member_of("name");
    member.patches[257] = "whatever";  // where old tars had nothing
    EXPECT_EQ(only_entry(one(member)).entry.path, "name");
}

TEST(TarEntryTest, EmptyNames) {
    expect_tar_error(one(member_of("")), "path is empty");
    expect_tar_error(one(member_of("s", '2')), "entry 's': the link target is empty");
    expect_tar_error(one(member_of("h", '1')), "link target is empty");
}

// ---- numbers
// --------------------------------------------------------------------------------------------------

TEST(TarNumberTest, Checksums) {
    TarMember member = member_of("\xc3\xa4\xff");
    EXPECT_EQ(only_entry(one(member)).entry.path, "\xc3\xa4\xff");
    // The sum over signed bytes: three of them count 256 less.
    const std::string block = test::tar_block(member);
    const unsigned long sum = std::stoul(block.substr(148, 6), nullptr, 8) - 3 * 256;
    char field[8];
    std::snprintf(field, sizeof field, "%06lo", sum);
    member.checksum = std::string(field, 6) + std::string("\0 ", 2);
    EXPECT_EQ(only_entry(one(member)).entry.path, "\xc3\xa4\xff");
    std::snprintf(field, sizeof field, "%06lo", sum + 1);
    member.checksum = std::string(field, 6) + std::string("\0 ", 2);
    expect_tar_error(one(member), "tar header at offset 0: wrong header checksum");
    for (const std::string_view text :
         {"        ", "garbage!", "00000000", "\xff\xff\xff\xff\xff\xff\xff\xff"}) {
        member.checksum = std::string(text);
        expect_tar_error(one(member), "checksum");
    }
}

TEST(TarNumberTest, WaysToWriteOctal) {
    for (const std::string& text :
         {std::string("0000644\0", 8), std::string("    644 ", 8), std::string("00000644"),
          std::string("644\0\0\0\0\0", 8), std::string("644 \0\0\0\0", 8), std::string("644\0xyz\0", 8)}) {
        TarMember member = member_of("f");
        member.patches[100] = text;
        EXPECT_EQ(only_entry(one(member)).entry.mode, 0644U) << text;
    }
    TarMember empty = member_of("f");
    empty.patches[100] = std::string(8, '\0');
    empty.patches[108] = std::string(8, ' ');
    EXPECT_EQ(only_entry(one(empty)).entry.mode, 0U);
    // 0 to libarchive, 0644 to Go and GNU tar.
    TarMember late = member_of("f");
    late.patches[100] = std::string("\0\0 644 \0", 8);
    expect_tar_error(one(late), "the mode has a NUL in front");
}

TEST(TarNumberTest, ModeBits) {
    TarMember member = member_of("f");
    member.mode = 0100644;  // old GNU tars write the type too
    EXPECT_EQ(only_entry(one(member)).entry.mode, 0644U);
    member.mode = 0177777;
    EXPECT_EQ(only_entry(one(member)).entry.mode, 07777U);
    member.mode = 0200000;
    expect_tar_error(one(member), "mode is out of range");
    member.patches[100] = std::string(8, '\xff');
    expect_tar_error(one(member), "mode is out of range");
}

TEST(TarNumberTest, IdsUpToTheLast) {
    TarMember member = member_of("f");
    member.uid = 0xfffffffe;
    member.gid = 2097152;
    const ReadEntry entry = only_entry(one(member));
    EXPECT_EQ(entry.entry.uid, 0xfffffffeU);
    EXPECT_EQ(entry.entry.gid, 2097152U);
    for (const std::int64_t bad : {0xffffffffLL, 0x100000000LL, -1LL, -2147483648LL}) {
        TarMember wrong = member_of("f");
        wrong.uid = bad;
        expect_tar_error(one(wrong), "the user id");
        wrong.uid = 0;
        wrong.gid = bad;
        expect_tar_error(one(wrong), "the group id");
    }
    for (const char* bad : {"4294967295", "-1", "+1", "1 ", "0x1", "99999999999999999999", "1.0"})
        expect_tar_error(TarBuilder().pax({{"uid", bad}}).file("f", "").finish(), "id");
}

TEST(TarNumberTest, NoNumbers) {
    for (const std::size_t offset : {100U, 108U, 116U, 124U, 329U, 337U}) {
        for (const std::string& text :
             {std::string("99999999"), std::string("12x45678"), std::string("--------"),
              std::string("\x1b[2J    "), std::string("1 2 3 4 "), std::string("644 \0xyz", 8)}) {
            TarMember member = member_of("f");
            member.patches[offset] = std::string(text);
            expect_tar_error(one(member), "is not a number");
        }
    }
}

TEST(TarNumberTest, TimesAreNotLookedAt) {
    for (const std::string_view text :
         {"garbage!!!!!", "\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff", "            "}) {
        TarMember member = member_of("f");
        member.patches[136] = std::string(text);
        EXPECT_EQ(only_entry(one(member)).entry.path, "f");
    }
    for (const char* text : {"-9223372036854775809", "1e999", "1.10000000000", "nan", ""})
        EXPECT_EQ(only_entry(TarBuilder().pax({{"mtime", text}}).file("f", "").finish()).entry.path, "f");
}

TEST(TarNumberTest, Devices) {
    TarMember member = member_of("c", '3');
    member.patches[329] = std::string("\x80\0\0\0\xff\xff\xff\xff", 8);
    EXPECT_EQ(only_entry(one(member)).entry.device_major, 0xffffffffU);
    member.patches[329] = std::string("\x80\0\0\1\0\0\0\0", 8);
    expect_tar_error(one(member), "device number out of range");
    member.patches[329] = std::string(8, '\xff');
    expect_tar_error(one(member), "device number out of range");
}

TEST(TarNumberTest, Sizes) {
    for (const char type : {'0', 'x', 'g', 'L', 'K', 'S', '5'}) {
        TarMember member = member_of("f", type);
        member.magic = TarMagic::gnu;
        member.size = -1;
        expect_tar_error(one(member), "the size is negative");
        member.patches[124] = "\x9f" + std::string(11, '\xff');
        expect_tar_error(one(member), "the size does not fit");
    }
    TarMember member = member_of("f");
    member.size = INT64_MAX;
    expect_tar_error(one(member), "more than the limit", ErrorKind::too_large);
    member.size = (1LL << 40) + 1;
    expect_tar_error(one(member), "more than the limit", ErrorKind::too_large);
    TarLimits limits;
    limits.max_file_size = 9;
    expect_tar_error(TarBuilder().file("f", "0123456789").finish(), "entry 'f': a file of 10 bytes",
                     ErrorKind::too_large, limits);
    expect_tar_error(TarBuilder().pax({{"size", "10"}}).file("f", "012345678").finish(), "a file of 10 bytes",
                     ErrorKind::too_large, limits);
}

TEST(TarNumberTest, SizeInBase256) {
    TarMember member = member_of("f");
    member.content = "twelve bytes";
    member.patches[124] = "\x80" + std::string(10, '\0') + "\x0c";
    EXPECT_EQ(only_entry(one(member)).content, "twelve bytes");
}

}  // namespace
}  // namespace osb::oci

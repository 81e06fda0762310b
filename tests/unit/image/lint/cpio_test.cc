// The cpio archives of an initramfs.
#include "image/lint/cpio.hh"

#include <gtest/gtest.h>

#include <functional>
#include <string>

#include "base/error.hh"
#include "image/lint/initramfs.hh"
#include "tests/support/compress.hh"
#include "tests/unit/image/lint/memory_tree.hh"

namespace osb::test {
namespace {

using image::CpioEntry;

// The names of all entries, separated by blanks.
std::string names_in_initramfs(const std::string& bytes) {
    MemorySource source(as_bytes(bytes));
    std::string out;
    image::read_initramfs(source, [&](const CpioEntry& entry) {
        out += (out.empty() ? "" : " ") + entry.name;
        return true;
    });
    return out;
}

std::string refusal_of_initramfs(const std::string& bytes) {
    try {
        names_in_initramfs(bytes);
    } catch (const Error& error) {
        return error.message();
    }
    return "accepted";
}

const std::string kOne = cpio_entry("a", 0100644, "12345") + cpio_entry("d/b", 0100755, "") + cpio_trailer();

TEST(Cpio, ListsNamesModesAndSizes) {
    MemorySource source(as_bytes(kOne));
    std::vector<CpioEntry> entries;
    image::read_initramfs(source, [&](const CpioEntry& entry) {
        entries.push_back(entry);
        return true;
    });
    ASSERT_EQ(entries.size(), 2U);
    EXPECT_EQ(entries[0].name, "a");
    EXPECT_EQ(entries[0].size, 5U);
    EXPECT_EQ(entries[1].mode, 0100755U);
}

TEST(Cpio, NamesLoseWhatPrecedesThem) {
    EXPECT_EQ(names_in_initramfs(cpio_entry("./a", 0, "") + cpio_entry("/b", 0, "") +
                                 cpio_entry("././/c", 0, "") + cpio_trailer()),
              "a b c");
}

TEST(Cpio, ReadsConcatenatedArchivesWithZerosBetween) {
    const std::string two = cpio_entry("c", 0100644, "x") + cpio_trailer();
    EXPECT_EQ(names_in_initramfs(kOne + two), "a d/b c");
    EXPECT_EQ(names_in_initramfs(kOne + std::string(512, '\0') + two + std::string(9000, '\0')), "a d/b c");
}

TEST(Cpio, ReadsACompressedPartAfterAnUncompressedOne) {
    const std::string early =
        cpio_entry("kernel/x86/microcode/GenuineIntel.bin", 0100644, std::string(70000, 'm')) +
        cpio_trailer() + std::string(100, '\0');
    for (const std::string& part : {gzip(kOne), zstd(kOne)}) {
        EXPECT_EQ(names_in_initramfs(part), "a d/b");
        EXPECT_EQ(names_in_initramfs(early + part), "kernel/x86/microcode/GenuineIntel.bin a d/b");
        EXPECT_EQ(names_in_initramfs(part + part), "a d/b a d/b");
    }
}

TEST(Cpio, NamesTheCompressionThatItCannotRead) {
    EXPECT_EQ(refusal_of_initramfs(std::string("\xFD"
                                               "7zXZ\0\0\0",
                                               8)),
              "xz");
    EXPECT_EQ(refusal_of_initramfs(std::string("\x5D\0\0\x80", 4)), "lzma");
    EXPECT_EQ(refusal_of_initramfs("\x02\x21\x4C\x18...."), "lz4");
    EXPECT_EQ(refusal_of_initramfs("BZh91AY&SY"), "bzip2");
    EXPECT_NE(refusal_of_initramfs("070707....").find("odc"), std::string::npos);
}

TEST(Cpio, RefusesEveryCut) {
    // Only the padding behind the trailer may be missing.
    for (std::size_t size = 1; size + 4 <= kOne.size(); ++size) {
        EXPECT_NE(refusal_of_initramfs(kOne.substr(0, size)), "accepted") << size;
    }
    EXPECT_NE(refusal_of_initramfs(gzip(kOne).substr(0, 60)), "accepted");
}

TEST(Cpio, RefusesMalformedArchives) {
    EXPECT_NE(refusal_of_initramfs("plain text").find("neither a cpio archive"), std::string::npos);
    EXPECT_NE(refusal_of_initramfs(gzip("text in gzip")).find("not a cpio archive"), std::string::npos);
    std::string bad_number = kOne;
    bad_number[20] = 'x';
    EXPECT_NE(refusal_of_initramfs(bad_number).find("malformed number"), std::string::npos);
    std::string long_name = kOne;
    long_name.replace(94, 8, "00002000");
    EXPECT_NE(refusal_of_initramfs(long_name).find("a name of 8192 bytes"), std::string::npos);
    std::string without_name = kOne;
    without_name.replace(94, 8, "00000000");
    EXPECT_NE(refusal_of_initramfs(without_name).find("a name of 0 bytes"), std::string::npos);
    EXPECT_NE(refusal_of_initramfs(std::string(3, '\0') + kOne).find("multiple of 4"), std::string::npos);
}

TEST(Cpio, StopsWhenTheVisitorSaysSo) {
    MemorySource source(as_bytes(kOne));
    int seen = 0;
    image::read_initramfs(source, [&](const CpioEntry&) { return ++seen < 1; });
    EXPECT_EQ(seen, 1);
}

TEST(Initramfs, ALaterArchiveReplacesInit) {
    const std::string first = cpio_entry("init", 0100755, "") + cpio_trailer();
    const std::string second = cpio_entry("init", 0100644, "") + cpio_trailer();
    const std::string both = first + second;
    MemorySource source(as_bytes(both));
    const image::InitramfsFacts facts = image::read_initramfs_facts(source);
    EXPECT_TRUE(facts.has_init);
    EXPECT_FALSE(facts.init_is_program);
    EXPECT_FALSE(facts.has_prepare_root);
    EXPECT_EQ(facts.problem, "");
}

}  // namespace
}  // namespace osb::test

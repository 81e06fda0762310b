// The tar reader against libarchive: archives of every format, whole and damaged.
#include "tests/support/tar_witness.hh"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

#include "tests/support/tar_builder.hh"

namespace osb::test {
namespace {

constexpr std::size_t kBlock = 512;

std::string octal(std::uint64_t value) {
    char text[24];
    std::snprintf(text, sizeof text, "%011llo", static_cast<unsigned long long>(value));
    return std::string(text, 11) + '\0';
}

TarMember member_of(std::string name, char type, TarMagic magic) {
    TarMember out;
    out.name = std::move(name);
    out.type = type;
    out.magic = magic;
    return out;
}

// Every kind of entry in one header format.
std::string every_type(TarMagic magic) {
    TarBuilder out;
    TarMember file = member_of("dir/file", '0', magic);
    file.content = std::string(700, 'c');
    file.mode = 04755;
    file.uid = 1000;
    file.gid = 2000;
    TarMember old = member_of("old/", '\0', magic);
    old.mode = 0700;
    TarMember hard = member_of("dir/hard", '1', magic);
    hard.link_name = "dir/file";
    TarMember soft = member_of("dir/soft", '2', magic);
    soft.link_name = std::string(100, 't');
    out.add(member_of("dir/", '5', magic)).add(file).add(old).add(hard).add(soft);
    if (magic != TarMagic::v7) {
        TarMember device = member_of("dir/device", '3', magic);
        device.device_major = 5;
        device.device_minor = 300;
        out.add(device);
        device.type = '4';
        out.add(device).add(member_of("dir/fifo", '6', magic));
    }
    TarMember large = member_of(std::string(100, 'n'), '\0', magic);
    large.uid = 0xfffffffe;
    large.gid = 0x7fffffff;
    large.content = "x";
    if (magic == TarMagic::ustar) large.prefix = std::string(155, 'p');
    return out.add(large).finish();
}

std::string pax_extensions() {
    return TarBuilder()
        .global_pax({{"comment", "0123456789abcdef"}})
        .pax({{"path", "d/" + std::string(300, 'n')}, {"mtime", "1700000000.123456789"}, {"size", "600"}})
        .file("short", std::string(600, 'c'))
        .pax({{"linkpath", std::string(400, 't')}, {"uid", "3000000"}, {"gid", "4294967294"}})
        .symlink("link", "short")
        .pax({{"SCHILY.xattr.user.a", std::string("a\0=\n\xff", 5)},
              {"SCHILY.xattr.security.capability", "\1\2\3"},
              {"LIBARCHIVE.xattr.user.a", "YQA9Cv8"},
              {"LIBARCHIVE.xattr.security.capability", "AQID"}})
        .file("attributes", "x")
        .pax({{"path", "\xc3\xa4/\xe2\x82\xac"}, {"path", "last/\xc3\xbc"}})
        .file("umlaut", "y")
        .finish();
}

std::string gnu_extensions() {
    TarMember times = member_of("times", '0', TarMagic::gnu);
    times.patches[345] = octal(1700000000) + octal(1600000000);
    return TarBuilder()
        .gnu_long_name("d/" + std::string(3000, 'n'))
        .file("short", "content")
        .gnu_long_link(std::string(200, 't'))
        .symlink("link", "short")
        .gnu_long_link("d/" + std::string(300, 't'))
        .gnu_long_name(std::string(120, 'm'))
        .hardlink("m", "d/t")
        .add(times)
        .finish();
}

std::string sparse_files() {
    TarMember old = member_of("old-gnu", 'S', TarMagic::gnu);
    old.content = "abcdefg";
    old.patches[386] = octal(1000) + octal(3) + octal(3003) + octal(4) + octal(3017) + octal(0);
    old.patches[483] = octal(3017);
    const std::string map = "2\n1000\n3\n3003\n4\n";
    return TarBuilder()
        .add(old)
        .pax({{"GNU.sparse.size", "3017"},
              {"GNU.sparse.numblocks", "2"},
              {"GNU.sparse.offset", "1000"},
              {"GNU.sparse.numbytes", "3"},
              {"GNU.sparse.offset", "3003"},
              {"GNU.sparse.numbytes", "4"}})
        .file("pax-0.0", "abcdefg")
        .pax({{"GNU.sparse.size", "3017"},
              {"GNU.sparse.numblocks", "2"},
              {"GNU.sparse.name", "pax-0.1"},
              {"GNU.sparse.map", "1000,3,3003,4"}})
        .file("GNUSparseFile.0/pax-0.1", "abcdefg")
        .pax({{"GNU.sparse.major", "1"},
              {"GNU.sparse.minor", "0"},
              {"GNU.sparse.name", "pax-1.0"},
              {"GNU.sparse.realsize", "3017"}})
        .file("GNUSparseFile.0/pax-1.0", map + std::string(kBlock - map.size(), '\0') + "abcdefg")
        .file("next", "n")
        .finish();
}

std::vector<std::string> whole_archives() {
    return {every_type(TarMagic::v7),  every_type(TarMagic::ustar),
            every_type(TarMagic::gnu), pax_extensions(),
            gnu_extensions(),          sparse_files(),
            TarBuilder().finish(),     TarBuilder().file("f", "x").bytes()};
}

TEST(TarWitnessTest, WholeArchives) {
    for (const std::string& archive : whole_archives()) {
        bool both_took_it = false;
        EXPECT_EQ(tar_difference(archive, &both_took_it), std::nullopt);
        EXPECT_TRUE(both_took_it) << view_by_osb(archive).error << view_by_libarchive(archive).error;
    }
    EXPECT_EQ(view_by_libarchive(every_type(TarMagic::ustar)).entries.size(), 9U);
    EXPECT_NE(view_by_libarchive(pax_extensions()).entries[2].line.find("'user.a'='a\\x00=\\x0a\\xff'"),
              std::string::npos)
        << view_by_libarchive(pax_extensions()).entries[2].line;
    EXPECT_EQ(view_by_libarchive(sparse_files()).entries.size(), 5U);
}

// ---- damaged ones
// -----------------------------------------------------------------------------------------------------------

// Writes the right checksum into a header block, or what is taken for one.
void sum_header(std::string& archive, std::size_t begin) {
    archive.replace(begin + 148, 8, "        ");
    unsigned sum = 0;
    for (std::size_t i = 0; i < kBlock; ++i) sum += static_cast<unsigned char>(archive[begin + i]);
    char text[8];
    std::snprintf(text, sizeof text, "%06o", sum);
    archive.replace(begin + 148, 7, std::string(text, 6) + '\0');
}

class Mutator {
  public:
    explicit Mutator(std::uint32_t seed) : random_(seed) {}

    std::string mutate(const std::vector<std::string>& archives) {
        std::string out = archives[below(archives.size())];
        for (auto i = 1 + below(3); i > 0 && out.size() >= kBlock; --i) change(out, archives);
        return out;
    }

  private:
    std::size_t below(std::size_t bound) { return random_() % bound; }
    std::size_t block_of(const std::string& archive) { return below(archive.size() / kBlock) * kBlock; }

    void change(std::string& archive, const std::vector<std::string>& archives) {
        const std::size_t block = block_of(archive);
        switch (below(8)) {
            case 0:
                return change_field(archive, block);
            case 1:
                archive[block + below(kBlock)] = static_cast<char>(random_());
                return sum_header(archive, block);
            case 2:  // as it is: the text of a pax header, content, a checksum
                archive[block + below(40)] = "0123456789=\n/ \0x"[below(16)];
                return;
            case 3:
                archive[block + 156] = std::string_view(
                    "\0"
                    "0123456xgLKS7",
                    13)[below(13)];
                return sum_header(archive, block);
            case 4:
                archive.erase(block, kBlock);
                return;
            case 5:
                archive.insert(block_of(archive), archive.substr(block, kBlock * (1 + below(3))));
                return;
            case 6: {
                const std::string& other = archives[below(archives.size())];
                archive.insert(block, other.substr(0, below(other.size() / kBlock + 1) * kBlock));
                return;
            }
            default:
                archive.resize(below(2) == 0 ? block : block + below(kBlock));
                return;
        }
    }

    void change_field(std::string& archive, std::size_t block) {
        struct Field {
            std::size_t offset;
            std::size_t size;
        };
        static constexpr Field kFields[]{{0, 100}, {100, 8}, {108, 8},   {116, 8}, {124, 12}, {157, 100},
                                         {257, 8}, {329, 8}, {345, 155}, {482, 1}, {483, 12}, {508, 4}};
        const std::string values[]{std::string(1, '\0'),
                                   "0",
                                   "0000644",
                                   "00000001000",
                                   " 12 ",
                                   std::string("\0 12", 4),
                                   "12x",
                                   std::string("\x80\0\0\0\0\0\0\x10", 8),
                                   "\xff\xff\xff\xff\xff\xff\xff\xff",
                                   "a/",
                                   "a",
                                   "ustar  ",
                                   std::string("ustar\0"
                                               "00",
                                               8),
                                   std::string("tar\0", 4),
                                   "\xc3\xa4\xff",
                                   std::string(155, 'z')};
        const Field field = kFields[below(std::size(kFields))];
        std::string value = values[below(std::size(values))];
        value.resize(field.size, below(2) == 0 ? '\0' : ' ');
        archive.replace(block + field.offset, field.size, value);
        sum_header(archive, block);
    }

    std::mt19937 random_;
};

TEST(TarWitnessTest, DamagedArchives) {
    const std::vector<std::string> archives = whole_archives();
    std::size_t compared = 0;
    constexpr std::size_t kRounds = 600;
    for (std::uint32_t seed = 0; seed < kRounds; ++seed) {
        bool both_took_it = false;
        const std::string archive = Mutator(seed).mutate(archives);
        const auto difference = tar_difference(archive, &both_took_it);
        EXPECT_EQ(difference, std::nullopt) << "seed " << seed << ": " << difference.value_or("");
        if (both_took_it) ++compared;
    }
    // Or else this compares nothing.
    EXPECT_GT(compared, kRounds / 5);
}

}  // namespace
}  // namespace osb::test

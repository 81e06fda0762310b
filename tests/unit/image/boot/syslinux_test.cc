// The bootloader's own files, patched as its installer does.
#include "image/boot/syslinux.hh"

#include <gtest/gtest.h>

#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/byte_order.hh"
#include "base/error.hh"
#include "image/disk/byte_size.hh"
#include "tests/unit/image/witness.hh"

namespace osb::test {
namespace {

using image::Extent;
using image::InstalledSyslinux;
using image::kMebibyte;
using image::SyslinuxFiles;
using image::SyslinuxPlace;

constexpr std::uint32_t kMagic = 0x3EB202FE;
constexpr std::size_t kSector = 512;
constexpr std::uint64_t kPerBlock = 8;  // sectors

std::uint64_t number(const std::string& bytes, std::size_t at, unsigned size) {
    return from_little_endian(std::string_view(bytes).substr(at, size));
}

void put_number(std::string& bytes, std::size_t at, unsigned size, std::uint64_t value) {
    put_little_endian(std::span(bytes).subspan(at, size), value);
}

struct SectorRun {
    std::uint64_t first = 0;
    std::uint64_t count = 0;
    bool operator==(const SectorRun&) const = default;
};

// What the loader finds about itself, read by the layout that SYSLINUX documents in syslxint.h.
struct Patched {
    explicit Patched(const std::string& loader) {
        std::size_t area = 0;
        while (number(loader, area, 4) != kMagic) area += 4;
        data_sectors = number(loader, area + 8, 2);
        adv_sectors = number(loader, area + 10, 2);
        dwords = number(loader, area + 12, 4);
        extended = number(loader, area + 22, 2);
        for (std::size_t i = 0; i < dwords; ++i) {
            sum += static_cast<std::uint32_t>(number(loader, i * 4, 4));
        }
        const std::size_t adv_at = number(loader, extended, 2);
        adv = {number(loader, adv_at, 8), number(loader, adv_at + 8, 8)};
        directory = loader.c_str() + number(loader, extended + 2, 2);
        std::size_t at = number(loader, extended + 10, 2);
        room = number(loader, extended + 12, 2);
        for (std::size_t i = 0; i < room; ++i, at += 10) {
            runs.push_back({number(loader, at, 8), number(loader, at + 8, 2)});
        }
        while (!runs.empty() && runs.back() == SectorRun{}) runs.pop_back();
    }

    // In the order in which they are read into memory.
    std::vector<std::uint64_t> sectors() const {
        std::vector<std::uint64_t> out;
        for (const SectorRun& run : runs) {
            for (std::uint64_t i = 0; i < run.count; ++i) out.push_back(run.first + i);
        }
        return out;
    }

    std::uint64_t data_sectors = 0;
    std::uint64_t adv_sectors = 0;
    std::uint64_t dwords = 0;
    std::uint64_t extended = 0;
    std::uint32_t sum = 0;
    std::uint64_t room = 0;
    std::vector<std::uint64_t> adv;
    std::string directory;
    std::vector<SectorRun> runs;
};

class Syslinux : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        if (has_program("syslinux") && has_program("mcopy")) files_ = image::find_syslinux();
    }
    void SetUp() override {
        if (!files_) GTEST_SKIP() << "needs syslinux and mtools";
        blocks_ = (files_->loader.size() / kSector + kPerBlock - 1) / kPerBlock;
    }

    SyslinuxPlace place(std::vector<Extent> extents) const {
        return {.partition_start = kMebibyte,
                .partition_size = 100 * kMebibyte,
                .directory = "/extlinux",
                .extents = std::move(extents)};
    }
    // All of the file's blocks from `block` on.
    SyslinuxPlace in_one_piece(std::uint64_t block = 1000) const {
        return place({{.file_block = 0, .disk_block = block, .blocks = blocks_}});
    }

    static ErrorKind refused(const SyslinuxFiles& files, const SyslinuxPlace& where) {
        try {
            place_syslinux(files, where);
        } catch (const Error& error) {
            return error.kind();
        }
        ADD_FAILURE() << "taken";
        return ErrorKind::io;
    }

    void expect_sectors(const Patched& patched, const std::vector<Extent>& extents) const {
        std::vector<std::uint64_t> all;
        for (const Extent& extent : extents) {
            for (std::uint64_t i = 0; i < extent.blocks * kPerBlock; ++i) {
                all.push_back(extent.disk_block * kPerBlock + i);
            }
        }
        ASSERT_GT(all.size(), patched.data_sectors);
        const auto data = static_cast<std::ptrdiff_t>(patched.data_sectors);
        const std::vector<std::uint64_t> loaded(all.begin() + 1, all.begin() + data);
        EXPECT_EQ(patched.sectors(), loaded);
        const std::vector<std::uint64_t> adv(all.begin() + data, all.begin() + data + 2);
        EXPECT_EQ(patched.adv, adv);
    }

    static inline std::optional<SyslinuxFiles> files_;
    std::uint64_t blocks_ = 0;
};

TEST_F(Syslinux, FilesOfThePackage) {
    EXPECT_EQ(files_->boot_sector.size(), kSector);
    EXPECT_EQ(files_->boot_sector.substr(510), "\x55\xAA");
    EXPECT_EQ(files_->loader.size() % kSector, 0U);
    EXPECT_LE(files_->mbr.size(), 440U);
    EXPECT_LE(files_->gpt_mbr.size(), 440U);
    EXPECT_NE(files_->mbr, files_->gpt_mbr);
    for (const char* name : {"ldlinux.c32", "menu.c32", "libutil.c32"}) {
        EXPECT_EQ(files_->modules.at(name).substr(0, 4),
                  "\x7F"
                  "ELF")
            << name;
    }
}

// Its own installer has patched the file that is read from the floppy disk, where it lies in one piece: the
// same numbers, but for where that piece begins.
TEST_F(Syslinux, TheInstallerDoesTheSame) {
    const Patched theirs(files_->loader);
    const Patched ours(place_syslinux(*files_, in_one_piece()).loader);
    EXPECT_EQ(theirs.sum, kMagic);
    EXPECT_EQ(ours.sum, kMagic);
    EXPECT_EQ(ours.data_sectors, theirs.data_sectors);
    EXPECT_EQ(ours.adv_sectors, theirs.adv_sectors);
    EXPECT_EQ(ours.dwords, theirs.dwords);
    const std::vector<std::uint64_t> ours_sectors = ours.sectors();
    const std::vector<std::uint64_t> theirs_sectors = theirs.sectors();
    ASSERT_EQ(ours_sectors.size(), theirs_sectors.size());
    ASSERT_FALSE(theirs_sectors.empty());
    const std::uint64_t ours_first = ours_sectors[0];
    const std::uint64_t theirs_first = theirs_sectors[0];
    for (std::size_t i = 0; i < ours_sectors.size(); ++i) {
        EXPECT_EQ(ours_sectors[i] - ours_first, theirs_sectors[i] - theirs_first) << i;
    }
    for (std::size_t i = 0; i < 2; ++i) EXPECT_EQ(ours.adv[i] - ours_first, theirs.adv[i] - theirs_first);
}

TEST_F(Syslinux, OnePiece) {
    const SyslinuxPlace where = in_one_piece(77);
    const InstalledSyslinux out = place_syslinux(*files_, where);
    const Patched patched(out.loader);
    EXPECT_EQ(out.loader.size(), files_->loader.size());
    EXPECT_EQ(patched.data_sectors, files_->loader.size() / kSector - 2);
    EXPECT_EQ(patched.adv_sectors, 2U);
    EXPECT_EQ(patched.directory, "/extlinux");
    expect_sectors(patched, where.extents);
    // The firmware's limits: no run crosses 64 KiB of memory, which begins at 0x8000.
    std::uint64_t address = 0x8000;
    for (const SectorRun& run : patched.runs) {
        const std::uint64_t end = address + run.count * kSector;
        EXPECT_LT(run.count * kSector, 0x10000U);
        EXPECT_EQ(address / 0x10000, (end - 1) / 0x10000);
        address = end;
    }
    // Everything behind the patched part is the package's.
    constexpr std::size_t kPatched = 12 * kSector;
    EXPECT_TRUE(out.loader.substr(kPatched) == files_->loader.substr(kPatched));
}

TEST_F(Syslinux, InPieces) {
    // Each block elsewhere, also backwards and beyond 2 TiB.
    std::vector<Extent> extents;
    for (std::uint64_t i = 0; i < blocks_; ++i) {
        const std::uint64_t at = i % 2 == 0 ? 5000 - 3 * i : (1ULL << 30) + 2 * i;
        extents.push_back({.file_block = i, .disk_block = at, .blocks = 1});
    }
    const Patched patched(place_syslinux(*files_, place(extents)).loader);
    EXPECT_EQ(patched.sum, kMagic);
    EXPECT_GE(patched.runs.size(), blocks_ - 1);
    expect_sectors(patched, extents);
    // Pieces that touch are one.
    std::vector<Extent> touching;
    for (std::uint64_t i = 0; i < blocks_; ++i) {
        touching.push_back({.file_block = i, .disk_block = 200 + i, .blocks = 1});
    }
    EXPECT_TRUE(place_syslinux(*files_, place(touching)).loader ==
                place_syslinux(*files_, in_one_piece(200)).loader);
}

TEST_F(Syslinux, FewerPiecesLeaveNothingOfMore) {
    std::vector<Extent> extents;
    for (std::uint64_t i = 0; i < blocks_; ++i) {
        extents.push_back({.file_block = i, .disk_block = 9 * i + 1, .blocks = 1});
    }
    SyslinuxFiles again = *files_;
    again.loader = place_syslinux(*files_, place(extents)).loader;
    EXPECT_TRUE(place_syslinux(again, in_one_piece()).loader ==
                place_syslinux(*files_, in_one_piece()).loader);
}

TEST_F(Syslinux, BootSector) {
    const std::uint64_t block = (1ULL << 30) + 5;
    const std::string sector = place_syslinux(*files_, in_one_piece(block)).boot_sector;
    const Patched patched(files_->loader);
    ASSERT_EQ(sector.size(), kSector);
    EXPECT_EQ(sector.substr(510), "\x55\xAA");
    EXPECT_EQ(sector.substr(0, 3), files_->boot_sector.substr(0, 3));  // the jump
    EXPECT_EQ(number(sector, 11, 2), kSector);
    EXPECT_EQ(number(sector, 28, 4), 2048U);                      // where the partition begins
    EXPECT_EQ(number(sector, 32, 4), 100 * kMebibyte / kSector);  // and its size
    // The loader's first sector, of 64 bits, at the places that the loader's file names.
    EXPECT_EQ(number(sector, number(files_->loader, patched.extended + 14, 2), 4),
              block * kPerBlock & 0xFFFFFFFFU);
    EXPECT_EQ(number(sector, number(files_->loader, patched.extended + 16, 2), 4), block * kPerBlock >> 32U);
    // Nothing of the floppy disk's filesystem.
    EXPECT_EQ(sector.find("FAT12"), std::string::npos);
    // A partition that is too large for the small field.
    EXPECT_EQ(number(sector, 19, 2), 0U);
    SyslinuxPlace small = in_one_piece();
    small.partition_size = 10 * kMebibyte;
    EXPECT_EQ(number(place_syslinux(*files_, small).boot_sector, 19, 2), 10 * kMebibyte / kSector);
}

TEST_F(Syslinux, WhatDoesNotFit) {
    // Less room for the list than pieces.
    std::vector<Extent> extents;
    for (std::uint64_t i = 0; i < blocks_; ++i) {
        extents.push_back({.file_block = i, .disk_block = 9 * i + 1, .blocks = 1});
    }
    SyslinuxFiles little = *files_;
    put_number(little.loader, Patched(little.loader).extended + 12, 2, blocks_ - 2);
    EXPECT_EQ(refused(little, place(extents)), ErrorKind::internal);
    // Fewer blocks than the file has.
    EXPECT_EQ(refused(*files_, place({})), ErrorKind::internal);
    EXPECT_EQ(refused(*files_, place({{.disk_block = 9, .blocks = blocks_ - 1}})), ErrorKind::internal);
    SyslinuxPlace deep = in_one_piece();
    deep.directory = "/" + std::string(5000, 'd');
    EXPECT_EQ(refused(*files_, deep), ErrorKind::internal);
}

TEST_F(Syslinux, ForeignFilesAreRefused) {
    const std::vector<std::string> loaders{
        "",
        "x",
        std::string(kSector, 'x'),
        std::string(64 * kSector, '\0'),
        std::string(64 * kSector, '\xFF'),
        files_->loader.substr(0, files_->loader.size() - 1),  // no whole sectors
        files_->loader.substr(kSector * 4),                   // without its head
        files_->loader.substr(0, kSector * 3)};
    for (const std::string& loader : loaders) {
        SyslinuxFiles foreign = *files_;
        foreign.loader = loader;
        EXPECT_EQ(refused(foreign, in_one_piece()), ErrorKind::unsupported) << loader.size();
    }
    for (const std::size_t size : {0U, 3U, 89U, 511U, 513U, 4096U}) {
        SyslinuxFiles foreign = *files_;
        foreign.boot_sector.resize(size);
        EXPECT_EQ(refused(foreign, in_one_piece()), ErrorKind::unsupported) << size;
    }
}

// Pointers of a damaged file never lead out of it.
TEST_F(Syslinux, PointersAreChecked) {
    ASSERT_LT(files_->loader.size(), 0xFFFFU);
    const Patched patched(files_->loader);
    for (const std::size_t field : {0U, 2U, 10U, 12U, 14U, 16U}) {
        SyslinuxFiles damaged = *files_;
        put_number(damaged.loader, patched.extended + field, 2, 0xFFFF);
        EXPECT_EQ(refused(damaged, in_one_piece()), ErrorKind::unsupported) << field;
    }
    std::size_t area = 0;
    while (number(files_->loader, area, 4) != kMagic) area += 4;
    for (const std::size_t field : {12U, 22U}) {
        SyslinuxFiles damaged = *files_;
        put_number(damaged.loader, area + field, field == 12 ? 4 : 2, 0xFFFFFFFF);
        EXPECT_EQ(refused(damaged, in_one_piece()), ErrorKind::unsupported) << field;
    }
}

}  // namespace
}  // namespace osb::test

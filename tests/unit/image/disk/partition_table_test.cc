// Partition tables that sfdisk reads as they were meant.
#include "image/disk/partition_table.hh"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>

#include "base/error.hh"
#include "base/fd.hh"
#include "image/disk/byte_size.hh"
#include "tests/support/temp_directory.hh"
#include "tests/unit/image/witness.hh"

namespace osb::test {
namespace {

using image::DiskLayout;
using image::kMebibyte;
using image::PartitionTableKind;

std::string dump(const DiskLayout& layout, std::uint64_t size) {
    const TempDirectory directory;
    const std::string path = directory / "disk";
    {
        const Fd fd = open_at(AT_FDCWD, path, O_RDWR | O_CREAT, 0600);
        EXPECT_EQ(::ftruncate(fd.get(), static_cast<off_t>(size)), 0);
        image::write_partition_table(fd.get(), path, layout);
    }
    EXPECT_EQ(std::filesystem::file_size(path), size);
    const Witnessed verify = witness({"sfdisk", "--verify", path});
    EXPECT_EQ(verify.status, 0) << verify.output;
    return witness({"sfdisk", "--dump", path}).output;
}

TEST(PartitionTable, Mbr) {
    constexpr std::uint64_t kSize = 1000 * kMebibyte + 512;
    DiskLayout layout = image::lay_out_disk(PartitionTableKind::mbr, kSize, 256 * kMebibyte);
    layout.disk_id = {0x12, 0x34, 0x56, 0x78};
    const std::string text = dump(layout, kSize);
    EXPECT_NE(text.find("label: dos"), std::string::npos) << text;
    EXPECT_NE(text.find("label-id: 0x12345678"), std::string::npos) << text;
    EXPECT_NE(text.find("start=        2048, size=      524288, type=83, bootable"), std::string::npos)
        << text;
    EXPECT_NE(text.find("start=      526336, size=     1521664, type=83"), std::string::npos) << text;
}

TEST(PartitionTable, Gpt) {
    constexpr std::uint64_t kSize = 1000 * kMebibyte;
    DiskLayout layout = image::lay_out_disk(PartitionTableKind::gpt, kSize, 256 * kMebibyte);
    layout.disk_id.fill(0xAA);
    layout.boot.uuid.fill(0xBB);
    layout.root.uuid.fill(0xCC);
    const std::string text = dump(layout, kSize);
    EXPECT_NE(text.find("label: gpt"), std::string::npos) << text;
    EXPECT_NE(text.find("label-id: AAAAAAAA-AAAA-AAAA-AAAA-AAAAAAAAAAAA"), std::string::npos) << text;
    EXPECT_NE(text.find("type=BC13C2FF-59E6-4262-A352-B275FD6F7172"), std::string::npos) << text;
    EXPECT_NE(
        text.find("uuid=BBBBBBBB-BBBB-BBBB-BBBB-BBBBBBBBBBBB, name=\"BOOT\", attrs=\"LegacyBIOSBootable\""),
        std::string::npos)
        << text;
    EXPECT_NE(text.find("uuid=CCCCCCCC-CCCC-CCCC-CCCC-CCCCCCCCCCCC, name=\"ROOT\""), std::string::npos)
        << text;
    // The second copy of the table is behind it.
    EXPECT_EQ(layout.root.start + layout.root.size, 999 * kMebibyte);
}

TEST(PartitionTable, LimitsOfTheLayout) {
    for (const PartitionTableKind kind : {PartitionTableKind::mbr, PartitionTableKind::gpt}) {
        const std::uint64_t least = image::disk_size_for(kind, 64 * kMebibyte, kMebibyte);
        EXPECT_EQ(image::lay_out_disk(kind, least, 64 * kMebibyte).root.size, kMebibyte);
        EXPECT_THROW(image::lay_out_disk(kind, least - 1, 64 * kMebibyte), Error);
        EXPECT_THROW(image::lay_out_disk(kind, 0, 64 * kMebibyte), Error);
    }
    constexpr std::uint64_t kTooLarge = (2ULL << 40) + kMebibyte;
    EXPECT_THROW(image::lay_out_disk(PartitionTableKind::mbr, kTooLarge, kMebibyte), Error);
    EXPECT_NO_THROW(image::lay_out_disk(PartitionTableKind::gpt, kTooLarge, kMebibyte));
}

}  // namespace
}  // namespace osb::test

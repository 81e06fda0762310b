// The partition table of a disk with two partitions: BOOT, which the bootloader reads, and ROOT.
#pragma once

#include <cstdint>
#include <string>

#include "image/disk/disk_area.hh"
#include "image/disk/uuid.hh"

namespace osb::image {

enum class PartitionTableKind { mbr, gpt };

inline constexpr std::uint64_t kSectorSize = 512;        // in bytes; SYSLINUX supports no other size
inline constexpr std::uint64_t kAlignment = 1ULL << 20;  // of partitions, in bytes

// One partition of the disk.
struct Partition {
    std::uint64_t start = 0;  // in bytes, a multiple of kAlignment
    std::uint64_t size = 0;   // likewise
    std::string name;         // GPT only
    Uuid uuid{};              // GPT only
};

// The partition table and its two partitions.
struct DiskLayout {
    PartitionTableKind kind = PartitionTableKind::mbr;
    Uuid disk_id{};  // MBR: its first four bytes
    Partition boot;
    Partition root;
};

// Lays out a disk of `disk_size` bytes: BOOT of `boot_size` bytes, then ROOT up to the end. Throws
// Error{no_space} if no space is left for ROOT, and Error{too_large} for a disk that an MBR cannot describe.
DiskLayout lay_out_disk(PartitionTableKind kind, std::uint64_t disk_size, std::uint64_t boot_size);

// Returns the size, in bytes, of a disk with partitions of these sizes.
std::uint64_t disk_size_for(PartitionTableKind kind, std::uint64_t boot_size, std::uint64_t root_size);

// Writes the table to the disk behind `fd`, which is borrowed, and marks BOOT as the partition to boot. Does
// not change the code of the boot sector.
void write_partition_table(int fd, const std::string& name, const DiskLayout& layout);

}  // namespace osb::image

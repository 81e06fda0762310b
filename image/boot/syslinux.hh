// SYSLINUX (its ext4 variant is called EXTLINUX): its files, and their installation on a disk.
//
// `extlinux --install` needs root and a mounted filesystem. It writes ldlinux.sys and the boot sector, and
// records in both where the sectors of ldlinux.sys lie. This module does the same without root and without a
// mount.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "image/disk/disk_area.hh"
#include "image/ext4/ext4_writer.hh"

namespace osb::image {

// The files of an installed syslinux package, in memory.
struct SyslinuxFiles {
    std::string boot_sector;                     // 512 bytes, as for a FAT filesystem
    std::string loader;                          // ldlinux.sys, with its auxiliary data vector at the end
    std::map<std::string, std::string> modules;  // *.c32 by name
    std::string mbr;                             // boot code of a disk's first sector, for MBR
    std::string gpt_mbr;                         // likewise, for GPT
};

// Reads the files of the machine's syslinux package. Throws Error{not_found} that names the missing program
// or file.
SyslinuxFiles find_syslinux();

// The location of SYSLINUX on a disk.
struct SyslinuxPlace {
    std::uint64_t partition_start = 0;  // of BOOT, in bytes from the start of the disk
    std::uint64_t partition_size = 0;   // in bytes
    std::string directory;              // of ldlinux.sys in BOOT, absolute
    std::vector<Extent> extents;        // of ldlinux.sys
};

// The two files of SYSLINUX, adapted to their place on a disk.
struct InstalledSyslinux {
    std::string boot_sector;  // for the start of BOOT
    std::string loader;       // new contents of ldlinux.sys, of the same size
};

// Returns the boot sector and ldlinux.sys for that location. Throws Error{unsupported} for a version whose
// files have another format.
InstalledSyslinux place_syslinux(const SyslinuxFiles& files, const SyslinuxPlace& place);

}  // namespace osb::image

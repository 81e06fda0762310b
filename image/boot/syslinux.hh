// SYSLINUX (its ext4 variant is called EXTLINUX): its files, and how they come to lie on a disk.
//
// `extlinux --install` needs a mounted filesystem and root. All that it does is to write ldlinux.sys, to note
// in it and in the boot sector where its own sectors lie, and to write the boot sector; that is done here,
// without either.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "image/disk/disk_area.hh"
#include "image/ext4/ext4_writer.hh"

namespace osb::image {

struct SyslinuxFiles {
    std::string boot_sector;                     // 512 bytes, as for a FAT filesystem
    std::string loader;                          // ldlinux.sys, with its auxiliary data vector at the end
    std::map<std::string, std::string> modules;  // *.c32 by name
    std::string mbr;                             // the code of a disk's first sector, for MBR
    std::string gpt_mbr;                         // and for GPT
};

// Takes them from the machine's syslinux package. Throws Error{not_found} that says which program or file is
// missing.
SyslinuxFiles find_syslinux();

// Where on a disk SYSLINUX lies.
struct SyslinuxPlace {
    std::uint64_t partition_start = 0;  // of BOOT, in bytes from the start of the disk
    std::uint64_t partition_size = 0;   // in bytes
    std::string directory;              // of ldlinux.sys in BOOT, absolute
    std::vector<Extent> extents;        // of ldlinux.sys
};

struct InstalledSyslinux {
    std::string boot_sector;  // to be written at the start of BOOT
    std::string loader;       // to be written to ldlinux.sys, which has this size
};

// The boot sector and ldlinux.sys for that place. Throws Error{unsupported} for a version whose files are of
// another form.
InstalledSyslinux place_syslinux(const SyslinuxFiles& files, const SyslinuxPlace& place);

}  // namespace osb::image

// The contents of BOOT besides kernels and boot entries: the bootloader and its menu.
#pragma once

#include <string>

#include "image/boot/syslinux.hh"
#include "image/deployment/sysroot_layout.hh"
#include "image/disk/disk_area.hh"
#include "image/disk/partition_table.hh"
#include "image/ext4/ext4_writer.hh"

namespace osb::image {

// The program that writes the menu when deployments change (docs/install.md, "The menu").
enum class BootMode {
    osb,        // osb-oci: libostree calls it in place of zipl
    libostree,  // libostree: the image has no osb-oci
};

// Returns BootMode::osb if the commit has the program zipl, which libostree would call.
BootMode boot_mode_of(const ostree::CommitWalk& commit);

// The configuration lines that select this mode in the repository.
std::string repository_config(BootMode mode);

// The bootloader files that install_bootloader() patches once their place on the disk is known.
struct BootFiles {
    InodeId loader = 0;
};

// Adds the bootloader's files and its menu to the tree of BOOT. `time` is in seconds since 1970.
BootFiles add_boot_files(SysrootLayout& layout, BootMode mode, const SyslinuxFiles& syslinux,
                         std::int64_t time);

// Writes the boot sector, and records in ldlinux.sys where that file lies. `area` is BOOT; its filesystem
// must be written already.
void install_bootloader(const DiskArea& area, const Ext4Writer& filesystem, const BootFiles& files,
                        const SyslinuxFiles& syslinux, const Partition& partition);

}  // namespace osb::image

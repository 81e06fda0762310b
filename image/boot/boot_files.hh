// What BOOT holds besides kernels and boot entries: the bootloader and its menu.
#pragma once

#include <string>

#include "image/boot/syslinux.hh"
#include "image/deployment/sysroot_layout.hh"
#include "image/disk/disk_area.hh"
#include "image/disk/partition_table.hh"
#include "image/ext4/ext4_writer.hh"

namespace osb::image {

// Who writes the menu when deployments change (docs/install.md, "The menu").
enum class BootMode {
    osb,        // osb-oci, which libostree calls as it would call zipl
    libostree,  // libostree itself: the image has no osb-oci
};

BootMode boot_mode_of(const ostree::CommitWalk& commit);

// Lines for the repository's configuration that make libostree do so.
std::string repository_config(BootMode mode);

// Those of the bootloader's files that are to be patched when it is known where they lie.
struct BootFiles {
    InodeId loader = 0;
};

// Adds the bootloader's files and its menu to the tree of BOOT.
BootFiles add_boot_files(SysrootLayout& layout, BootMode mode, const SyslinuxFiles& syslinux,
                         std::int64_t time);

// Writes the boot sector, and into ldlinux.sys where it lies. `area` is BOOT, written.
void install_bootloader(const DiskArea& area, const Ext4Writer& filesystem, const BootFiles& files,
                        const SyslinuxFiles& syslinux, const Partition& partition);

}  // namespace osb::image

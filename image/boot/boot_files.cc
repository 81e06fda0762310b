#include "image/boot/boot_files.hh"

#include <algorithm>
#include <array>

#include "base/error.hh"
#include "image/boot/boot_menu.hh"

namespace osb::image {
namespace {

constexpr std::string_view kLibostreeConfig = "loader/syslinux.cfg";

// The menu in the format of libostree's own writer for SYSLINUX.
std::string libostree_menu(const BootEntry& entry) {
    std::string out =
        concat("DEFAULT ", entry.title, "\nLABEL ", entry.title, "\n\tKERNEL /boot", entry.kernel);
    for (const std::string& initrd : entry.initrds) out += concat("\n\tINITRD /boot", initrd);
    return concat(out, "\n\tAPPEND ", entry.options, '\n');
}

}  // namespace

BootMode boot_mode_of(const ostree::CommitWalk& commit) {
    constexpr std::array<std::string_view, 4> kHook{"usr/sbin/zipl", "usr/bin/zipl", "sbin/zipl", "bin/zipl"};
    for (const ostree::WalkedFile& file : commit.files) {
        for (const std::string& path : file.paths) {
            if (std::find(kHook.begin(), kHook.end(), path) != kHook.end()) return BootMode::osb;
        }
    }
    return BootMode::libostree;
}

std::string repository_config(BootMode mode) {
    return concat("\n[sysroot]\nbootloader=", mode == BootMode::osb ? "zipl" : "syslinux", '\n');
}

BootFiles add_boot_files(SysrootLayout& layout, BootMode mode, const SyslinuxFiles& syslinux,
                         std::int64_t time) {
    FileTree& boot = layout.boot;
    const Attributes file{.mode = 0644, .mtime = time};
    const Attributes directory{.mode = 0755, .mtime = time};
    const InodeId folder = boot.add_directory(0, kMenuDirectory, directory);
    BootFiles out;
    // As the installer leaves the file: immutable, so that it is not moved by accident.
    out.loader = boot.add_file(folder, "ldlinux.sys", {.mode = 0444, .mtime = time, .immutable = true},
                               Content::of(syslinux.loader));
    for (const auto& [name, bytes] : syslinux.modules) boot.add_file(folder, name, file, Content::of(bytes));
    if (mode == BootMode::osb) {
        boot.add_file(folder, kMenuFile, file,
                      Content::of(menu_settings(concat('/', kMenuDirectory, '/', kEntriesFile))));
        boot.add_file(folder, kEntriesFile, file, Content::of(menu_file({layout.entry}).text));
        return out;
    }
    boot.add_file(folder, kMenuFile, file, Content::of(menu_settings(concat('/', kLibostreeConfig))));
    const std::optional<InodeId> loader = boot.find("loader.1");
    if (!loader) throw Error(ErrorKind::internal, "BOOT has no loader.1");
    boot.add_file(*loader, "syslinux.cfg", file, Content::of(libostree_menu(layout.entry)));
    // This marker makes libostree write the menu.
    const InodeId marker = boot.add_directory(0, "syslinux", directory);
    boot.add_symlink(marker, "syslinux.cfg", directory, concat("../", kLibostreeConfig));
    return out;
}

void install_bootloader(const DiskArea& area, const Ext4Writer& filesystem, const BootFiles& files,
                        const SyslinuxFiles& syslinux, const Partition& partition) {
    SyslinuxPlace place{.partition_start = partition.start,
                        .partition_size = partition.size,
                        .directory = concat('/', kMenuDirectory),
                        .extents = filesystem.extents(files.loader)};
    const InstalledSyslinux installed = place_syslinux(syslinux, place);
    area.write(0, as_bytes(installed.boot_sector));
    std::string_view rest = installed.loader;
    for (const Extent& extent : place.extents) {
        const std::string_view part = rest.substr(0, extent.blocks * kBlockSize);
        area.write(extent.disk_block * kBlockSize, as_bytes(part));
        rest.remove_prefix(part.size());
    }
}

}  // namespace osb::image

// Converts an ordinary root filesystem to the layout that ostree deploys ("Adapting existing mainstream
// distributions" in ostree's manual). The operations change the tree in memory. docs/import.md, "The bootable
// layout", lists them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ostree/tree/tree.hh"
#include "ostree/tree/tree_move.hh"

namespace osb::ostree {

// The directory for the image's own files of /var, which are below its subdirectory var.
inline constexpr std::string_view kFactory = "usr/share/factory";

// The changes of the layout.
struct LayoutReport {
    std::string kernel;                 // release of the kernel, "" if there is none
    std::vector<std::string> notes;     // moved and dropped files; names are escaped
    std::vector<std::string> warnings;  // files that are missing for booting
    // The number of files and links that were dropped (notes list them, or an identical one exists), and of
    // those that were added.
    std::size_t dropped = 0;
    std::size_t added = 0;
};

// Converts the tree. Throws Error{invalid} if that is impossible: two files for one path, two kernels, or a
// directory that is a link out of the image. Throws Error{internal} if a file would be lost.
LayoutReport make_bootable(Node& root, const StoreLink& store_link, ImageBudget& budget);

// The steps of make_bootable(), in its order.

// Empties /run, /tmp, /dev, /proc, /sys and /sysroot, and removes Docker's marker file.
void drop_runtime_content(Node& root, LayoutReport& report);
// Makes /home, /root, /srv, /mnt, /opt and /usr/local links into /var. Moves the content of these and of /var
// to /usr/share/factory/var. /opt and /usr/local stay directories if they have files.
void place_state(Node& root, const StoreLink& store_link, LayoutReport& report, ImageBudget& budget);
// Moves /bin, /sbin and /lib* into /usr and adds links; moves /etc to /usr/etc.
void merge_usr(Node& root, const StoreLink& store_link, LayoutReport& report, ImageBudget& budget);
// Moves /bin, /sbin and /lib* into /usr, which is added if it is missing. Adds no links.
void merge_bin_and_lib(Node& root, const StoreLink& store_link, LayoutReport& report, ImageBudget& budget);
// Moves kernel and initramfs from /boot to /usr/lib/modules/RELEASE/{vmlinuz,initramfs.img}, and empties
// /boot.
void place_kernel(Node& root, LayoutReport& report, ImageBudget& budget);

// Replaces a file or link with this name in the root of the tree by an empty directory, and reports it. Does
// not change a directory.
void replace_other(Node& root, std::string_view name, std::uint32_t mode, LayoutReport& report);

// Adds a link at a path that the layout has cleared.
void add_link(Node& parent, std::string_view name, const StoreLink& store_link, std::string_view target,
              LayoutReport& report);

// Adds the report of a TreeMove.
void add_moves(LayoutReport& report, TreeMove& move);

}  // namespace osb::ostree

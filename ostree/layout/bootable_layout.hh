// An ordinary root filesystem turned into what ostree deploys ("Adapting existing mainstream distributions"
// in ostree's manual), as operations on the tree in memory. docs/import.md, "The bootable layout", lists
// them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ostree/tree/tree.hh"
#include "ostree/tree/tree_move.hh"

namespace osb::ostree {

// Where the image's own files of /var go, below var.
inline constexpr std::string_view kFactory = "usr/share/factory";

struct LayoutReport {
    std::string kernel;                 // release of the kernel, "" when there is none
    std::vector<std::string> notes;     // what was moved or dropped; names are escaped
    std::vector<std::string> warnings;  // what is missing for booting
    // Files and links that the result does not have (notes speak of them, or there is another of the same),
    // and those that it has in addition.
    std::size_t dropped = 0;
    std::size_t added = 0;
};

// Throws Error{invalid} when the tree cannot be brought into that form: two files for one place, two kernels,
// a place that is a link out of the image; Error{internal} when a file would be lost.
LayoutReport make_bootable(Node& root, const StoreLink& store_link, ImageBudget& budget);

// The steps of make_bootable(), in its order.

// Empties /run, /tmp, /dev, /proc, /sys and /sysroot, and removes the marker that Docker leaves behind.
void drop_runtime_content(Node& root, LayoutReport& report);
// Makes /home, /root, /srv, /mnt, /opt and /usr/local links into /var, and moves what /var and these hold to
// /usr/share/factory/var; /opt and /usr/local stay where they are when they hold files.
void place_state(Node& root, const StoreLink& store_link, LayoutReport& report, ImageBudget& budget);
// Moves /bin, /sbin and /lib* into /usr, and leaves links; /etc to /usr/etc.
void merge_usr(Node& root, const StoreLink& store_link, LayoutReport& report, ImageBudget& budget);
// Moves kernel and initramfs from /boot to /usr/lib/modules/RELEASE/{vmlinuz,initramfs.img}; empties /boot.
void place_kernel(Node& root, LayoutReport& report, ImageBudget& budget);

// Puts an empty directory where the tree has a file or a link of this name at its top, and says so; no change
// to a directory.
void replace_other(Node& root, std::string_view name, std::uint32_t mode, LayoutReport& report);

// Puts a link where the layout has made room for it.
void add_link(Node& parent, std::string_view name, const StoreLink& store_link, std::string_view target,
              LayoutReport& report);

// Takes over what a TreeMove reports.
void add_moves(LayoutReport& report, TreeMove& move);

}  // namespace osb::ostree

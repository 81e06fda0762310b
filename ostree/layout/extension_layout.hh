// Converts the root filesystem of an image to an extension: a tree that has only /usr, for an overlay over
// the /usr of a system (docs/extensions.md).
#pragma once

#include "ostree/layout/bootable_layout.hh"

namespace osb::ostree {

// Converts the tree. Merges /bin, /sbin and /lib* into /usr. Drops everything else with a note: all other
// directories of the root, /usr/etc (a system merges it into its own /etc only when it is deployed) and
// /usr/local (state of the machine). /usr belongs to root and has the mode 0755, because the overlay shows
// the owner and mode of its uppermost directory. Throws Error{invalid} if nothing is left, and as
// make_bootable().
LayoutReport make_extension(Node& root, const StoreLink& store_link, ImageBudget& budget);

}  // namespace osb::ostree

// A layer put on the tree below it, by the rules of layer.md, "Applying Changesets" and "Whiteouts".
#pragma once

#include "ostree/tree/layer.hh"
#include "ostree/tree/tree.hh"

namespace osb::ostree {

// Applies `layer` to the tree below it.
//
// Whiteouts and opaque markers hide what was there before the layer, wherever in the layer they stand (but
// nothing where a link led that the layer replaces by a directory). Then the entries take effect in their
// order, so that of two for one path the later counts: a directory over a directory changes its mode, owner
// and attributes and keeps its content; anything else replaces what is there with all below it. Parents are
// found through symbolic links, inside the root; missing ones are made 0755 and root's. A hard link is one
// more name of what its target is at that moment, in this layer or below. Throws Error{invalid} with the
// entry named: a parent that is a file, a hard link to nothing or to a directory, a loop of links; and what
// `budget` throws.
//
// Devices and FIFOs take their places as files do; drop_special() removes what is left of them when all
// layers are there. Files that AUFS kept for itself are there for the layer's own hard links only.
//
// `keep`: a directory that is there and has an entry without attributes keeps those that it has. For layers
// on top of a commit, whose image does not show the attributes of its directories.
enum class DirectoryXattrs { replace, keep };
void apply_layer(Node& root, const Layer& layer, ImageBudget& budget,
                 DirectoryXattrs xattrs = DirectoryXattrs::replace);

// Removes the devices and FIFOs, which ostree cannot hold. Returns how many there were.
std::size_t drop_special(Node& directory);

}  // namespace osb::ostree

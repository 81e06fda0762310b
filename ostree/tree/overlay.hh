// Applies a layer to the tree below it, by the rules of layer.md, "Applying Changesets" and "Whiteouts".
#pragma once

#include <string>
#include <vector>

#include "ostree/tree/layer.hh"
#include "ostree/tree/tree.hh"

namespace osb::ostree {

// Applies `layer` to the tree below it.
//
// Whiteouts and opaque markers hide what was in the tree before the layer, whatever their position in the
// layer. They hide nothing behind a link that the layer replaces by a directory. Then the entries apply in
// their order, so the last entry for a path wins. A directory over a directory changes its mode, owner and
// attributes, and keeps its content. Any other entry replaces the existing node and everything below it.
// Symbolic links in parent paths are followed inside the root. Missing parents are created with mode 0755,
// owned by root. A hard link is another name of the current target, in this layer or below. Throws
// Error{invalid} with the entry as context: a parent that is a file, a hard link to nothing or to a
// directory, a loop of links. Also throws as `budget`.
//
// Devices and FIFOs replace nodes like files do. After all layers, drop_special() removes the remaining ones.
// Files that AUFS reserved only serve as targets of the layer's own hard links.
//
// `keep`: an existing directory keeps its attributes if its entry has none. Use it for layers on top of a
// commit, whose image does not show the attributes of directories.
enum class DirectoryXattrs { replace, keep };
void apply_layer(Node& root, const Layer& layer, ImageBudget& budget,
                 DirectoryXattrs xattrs = DirectoryXattrs::replace);

// Removes devices and FIFOs, which ostree cannot store. Returns their number.
std::size_t drop_special(Node& directory);

// The paths of the devices and FIFOs below `directory`, sorted; at most `max`.
std::vector<std::string> special_paths(const Node& directory, std::size_t max);

}  // namespace osb::ostree

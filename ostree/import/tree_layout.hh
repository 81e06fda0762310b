// Applies the requested layout to the tree of an image.
#pragma once

#include <string>
#include <vector>

#include "ostree/import/import.hh"
#include "ostree/layout/derived_layout.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/tree/image_budget.hh"
#include "ostree/tree/tree.hh"
#include "ostree/tree/tree_move.hh"

namespace osb::ostree {

// A tree in the requested layout.
struct LaidOutTree {
    Node root;
    std::string kernel;              // release; "" if there is none or the layout does not look for one
    std::vector<std::string> notes;  // moved and dropped files, one line each, escaped
    // Paths of devices and FIFOs that the merge of the layers dropped; lay_out() does not set it.
    std::vector<std::string> dropped;
};

// The plain layout keeps the tree unchanged. The bootable layout calls make_bootable(), or `derived` for an
// image that is built on a commit (nullptr: it is not). The layout of an extension calls make_extension().
// `store_link` stores the links that the layout adds. Warns of files that are missing for booting. Throws as
// make_bootable().
LaidOutTree lay_out(Node tree, Layout layout, const DerivedLayout* derived, const StoreLink& store_link,
                    ImageBudget& budget);

// Stores the links that lay_out() adds as objects. `writer` is borrowed. The function throws Error as
// check_link_target(), because the layout may make a target longer, and as ObjectWriter::write_file().
StoreLink link_store(ObjectWriter& writer);

// True if a commit's tree fits the layout without changes. `laid_out`: the result of is_laid_out() for it.
bool fits_layout(bool laid_out, Layout layout) noexcept;

// The name in a commit's metadata: "bootable", "plain" or "extension".
std::string layout_name(Layout layout);

}  // namespace osb::ostree

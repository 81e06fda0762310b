// The tree of an image brought into the layout that was asked for.
#pragma once

#include <string>
#include <vector>

#include "ostree/import/import.hh"
#include "ostree/layout/derived_layout.hh"
#include "ostree/tree/image_budget.hh"
#include "ostree/tree/tree.hh"
#include "ostree/tree/tree_move.hh"

namespace osb::ostree {

struct LaidOutTree {
    Node root;
    std::string kernel;              // release; "" when there is none, or the layout does not look for one
    std::vector<std::string> notes;  // what was moved or dropped, a line each, escaped
};

// The plain layout takes the tree as it is. The bootable one is that of make_bootable(), or of `derived` for
// an image that is built on a commit (nullptr: it is not). `store_link` stores the links that the layout
// adds. Warns of what is missing for booting. Throws as make_bootable().
LaidOutTree lay_out(Node tree, Layout layout, const DerivedLayout* derived, const StoreLink& store_link,
                    ImageBudget& budget);

// Whether a commit's tree is as the layout wants it without further change. `laid_out`: as is_laid_out() says
// of it.
bool fits_layout(bool laid_out, Layout layout) noexcept;

// "bootable" or "plain", as a commit's metadata has it.
std::string layout_name(Layout layout);

}  // namespace osb::ostree

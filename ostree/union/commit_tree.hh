// The tree of a commit in the repository, in memory.
#pragma once

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/image_budget.hh"
#include "ostree/tree/tree.hh"

namespace osb::ostree {

// Reads the tree, and the header of each file to know the targets of symbolic links. Throws Error: not_found
// if an object is missing; and as walk_commit() and `budget`.
Node read_commit_tree(const Repository& repository, const CommitId& commit, ImageBudget& budget);

}  // namespace osb::ostree

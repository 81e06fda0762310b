// The check that nothing of a commit's tree is missing.
#pragma once

#include <string_view>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// Throws Error{invalid}, naming the first object and path, if the repository lacks an object of the tree.
// `commit_object`: the bytes of the commit, which the repository need not have. The content of files is not
// read. Otherwise throws as walk_tree().
void check_complete(const Repository& repository, const CommitId& commit, std::string_view commit_object);

}  // namespace osb::ostree

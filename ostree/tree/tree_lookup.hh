// Finds a file of a commit by its path, without a walk of the whole tree.
#pragma once

#include <optional>
#include <string_view>

#include "base/hash.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// Returns the content object at `path` (without a leading slash), which is a file or a symbolic link. Returns
// nullopt if there is none, or if it is a directory. Does not follow links. Reads the commit and one dirtree
// for each part of the path. Throws Error: not_found if the repository does not have one of these objects;
// digest_mismatch or invalid if one is damaged. Thread-safe.
std::optional<Sha256> find_file(const Repository& repository, const CommitId& commit, std::string_view path);

}  // namespace osb::ostree

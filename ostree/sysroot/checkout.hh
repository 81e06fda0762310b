// A directory of a commit as files, which share their content with the repository (hard links).
#pragma once

#include <string>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// Checks out the directory `below` ("/usr") of the commit as `directory`/`name`. Atomic: the name appears
// when all files are there and durable. Idempotent: an existing directory of that name is kept. The files
// must not be changed. Needs root for a bare repository. Throws Error{io, no_space}.
void check_out(const Repository& repository, const CommitId& commit, const std::string& below,
               const std::string& directory, const std::string& name);

}  // namespace osb::ostree

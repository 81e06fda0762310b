// Compares the files of a commit with their checksums.
#pragma once

#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

// Reads all content objects of `walk`, whose directories were verified when it was walked. `jobs`: number of
// threads; 0 means one per core. Throws Error: digest_mismatch, with advice, or invalid for a damaged object;
// not_found for a missing one. Throws Interrupted.
void verify_files(const Repository& repository, const CommitWalk& walk, unsigned jobs);

}  // namespace osb::ostree

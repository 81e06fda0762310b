// The summary of a repository, a file from which HTTP clients read its refs.
#pragma once

#include <map>
#include <string>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The repository's own refs (refs/heads) and their commits.
std::map<std::string, CommitId> local_refs(const Repository& repository);

// True if the repository has a summary whose refs equal those of the repository.
bool is_summary_current(const Repository& repository);

// Replaces the summary atomically; does nothing if it is current. A signed summary loses its signature, with
// a warning. Call it with the repository's refs locked, so that the last of concurrent writers has the
// current refs.
void update_summary(const Repository& repository);
// Writes it in any case: deltas are in it, too.
void rewrite_summary(const Repository& repository);

// The bytes of a summary with a single ref.
std::string make_summary(const RefName& ref, const CommitId& id, const std::string& commit_object);

}  // namespace osb::ostree

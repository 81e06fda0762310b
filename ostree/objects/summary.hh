// The summary of a repository: the file by which clients over HTTP learn what its refs name.
#pragma once

#include <map>
#include <string>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The repository's own refs (refs/heads) and the commits that they name.
std::map<std::string, CommitId> local_refs(const Repository& repository);

// Whether the repository has a summary, and its refs are the repository's.
bool is_summary_current(const Repository& repository);

// Writes the summary anew, at once; does nothing when it is current. One that was signed loses its signature,
// with a warning. To be called with the repository's refs locked, so that of two that write one the later has
// the later refs.
void update_summary(const Repository& repository);

// The bytes of a summary with one ref.
std::string make_summary(const RefName& ref, const CommitId& id, const std::string& commit_object);

}  // namespace osb::ostree

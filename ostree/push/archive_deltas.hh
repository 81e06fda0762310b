// Static deltas in an archive repository, which stock ostree clients read.
#pragma once

#include <cstddef>
#include <vector>

#include "base/progress.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// Makes the deltas from each of the commits `from` to `to` in deltas/ of the repository, which must have all
// of them, except those that it has with the same detached metadata as the commit has there. Returns the
// commits of the new ones. Clients see them when the summary is written again (rewrite_summary()). Throws
// Error: not_found, io, no_space; Interrupted, after which no incomplete delta is visible.
std::vector<CommitId> make_archive_deltas(Repository& repository, const std::vector<CommitId>& from,
                                          const CommitId& to, Progress& progress);

// Removes the deltas whose origin or target the repository does not have any more. Returns their number.
std::size_t prune_archive_deltas(Repository& repository);

}  // namespace osb::ostree

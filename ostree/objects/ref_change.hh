// Changes of refs without new commits.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// Sets the refs `set` and deletes the refs `removed`, as Repository::refs() lists them. All changes take
// effect together and are durable. Waits for other programs that change refs. Throws Error{io}.
void change_refs(Repository& repository, const std::vector<std::pair<RefName, CommitId>>& set,
                 const std::vector<std::string>& removed);

}  // namespace osb::ostree

// The deployment that the next merge of /etc goes into.
#pragma once

#include <optional>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// Returns the pending deployment (deployment_name.hh) if it gets its /etc from `deployment`: if that is the
// current one, and has the same stateroot. A deployment that was made before the current one, such as the
// target of a rollback, has its own /etc, so it does not count unless a merge into it is recorded. Throws
// Error: io; not_found if the directory of a deployment is missing.
std::optional<ostree::Deployment> merge_target(const ostree::Sysroot& sysroot,
                                               const ostree::Deployment& deployment);

}  // namespace osb::system

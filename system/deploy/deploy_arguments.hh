// Other kernel arguments for the same system: a new deployment of the same commit, tried like any other.
#pragma once

#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/deploy.hh"

namespace osb::system {

// The deployment whose arguments `kargs` shows and changes: what waits for its trial, else what the next boot
// starts. So that an upgrade which waits for the restart is not lost. Throws Error{not_found} when nothing is
// deployed.
ostree::Deployment arguments_base(const ostree::Sysroot& sysroot, const Roles& roles);

// Deploys the commit of arguments_base() with these arguments. The sysroot must be locked. Throws as
// deploy_next().
DeployOutcome deploy_with_arguments(ostree::Sysroot& sysroot, const std::vector<std::string>& arguments);

}  // namespace osb::system

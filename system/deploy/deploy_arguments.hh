// Changes the kernel arguments of a system: makes a new deployment of the same commit, which is tried like
// any other.
#pragma once

#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/deploy.hh"

namespace osb::system {

// Returns the deployment whose arguments `kargs` shows and changes: the one that waits for its trial, else
// the one that the next boot starts. This way, an upgrade that waits for the restart is not lost. Throws
// Error{not_found} if nothing is deployed.
ostree::Deployment arguments_base(const ostree::Sysroot& sysroot, const Roles& roles);

// Deploys the commit of arguments_base() with these arguments. The sysroot must be locked. Throws as
// deploy_next().
DeployOutcome deploy_with_arguments(ostree::Sysroot& sysroot, const std::vector<std::string>& arguments);

}  // namespace osb::system

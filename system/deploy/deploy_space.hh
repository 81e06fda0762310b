// Checks the space for a deployment on the root filesystem and on BOOT.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "ostree/tree/commit_walk.hh"
#include "system/deploy/deployable.hh"

namespace osb::system {

// Throws Error{no_space}, with both numbers, unless
// - BOOT has room for the kernel and initramfs (none are written if another deployment has the same ones),
// - the root filesystem has enough bytes and inodes for the deployment.
// The space of the deployments in `leaving` counts as free. The caller removes them before it deploys.
void check_space(const ostree::Sysroot& sysroot, const std::string& stateroot, const Deployable& deployable,
                 const std::vector<ostree::Deployment>& leaving);

// Returns the number of inodes that a deployment of the commit takes: its directories and its own /etc. Its
// files are hard links.
std::uint64_t inodes_of_deployment(const ostree::CommitWalk& commit);

}  // namespace osb::system

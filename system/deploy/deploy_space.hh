// Whether a deployment has room, on the root filesystem and on BOOT.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "ostree/tree/commit_walk.hh"
#include "system/deploy/deployable.hh"

namespace osb::system {

// Throws Error{no_space} unless BOOT has room for the kernel and initramfs (none are written when another
// deployment has the same ones), and the root filesystem, in bytes and in inodes, for what a deployment
// writes; names both numbers. What `leaving` takes counts as free: those are to be removed before the
// deployment is made.
void check_space(const ostree::Sysroot& sysroot, const std::string& stateroot, const Deployable& deployable,
                 const std::vector<ostree::Deployment>& leaving);

// The inodes that a deployment of that commit takes: its directories and its own /etc; its files are links.
std::uint64_t inodes_of_deployment(const ostree::CommitWalk& commit);

}  // namespace osb::system

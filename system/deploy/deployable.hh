// Checks in advance that a commit can be deployed and started. Changes nothing.
#pragma once

#include "image/deployment/kernel.hh"
#include "ostree/sysroot/sysroot.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::system {

// A checked commit: its objects and its kernel.
struct Deployable {
    ostree::CommitWalk walk;
    image::Kernel kernel;
};

// Throws Error{invalid} for a system that would not boot, or whose name or version would break its boot
// entry. Throws Error{too_large} for a command line that the kernel would truncate.
Deployable check_deployable(const ostree::Sysroot& sysroot, const ostree::NewDeployment& deployment);

}  // namespace osb::system

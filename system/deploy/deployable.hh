// Whether a commit can be deployed and started, as far as that can be known before anything is changed.
#pragma once

#include "image/deployment/kernel.hh"
#include "ostree/sysroot/sysroot.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::system {

struct Deployable {
    ostree::CommitWalk walk;
    image::Kernel kernel;
};

// Throws Error: invalid for a system that would not boot, and for a name or version of it that would break
// its boot entry; too_large for a command line that the kernel would not read to its end.
Deployable check_deployable(const ostree::Sysroot& sysroot, const ostree::NewDeployment& deployment);

}  // namespace osb::system

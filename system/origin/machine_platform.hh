// Which machine a sysroot is for, so that no image for another one is deployed in it.
#pragma once

#include "oci/documents/platform.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// This machine's where the system runs here. Of a disk that is mounted, that of the image which is deployed
// there; this machine's where that says none.
oci::Platform machine_platform(const ostree::Sysroot& sysroot, const ostree::Deployment& current);

// Throws Error{unsupported} when an image for `image` would not run there. What the image that runs says of
// itself is always taken: it does run.
void check_machine(const oci::Platform& image, const ostree::Sysroot& sysroot,
                   const ostree::Deployment& current);

// The same for a commit of the sysroot's repository, which may not say for what it is.
void check_machine_of_commit(const ostree::CommitId& commit, const ostree::Sysroot& sysroot,
                             const ostree::Deployment& current);

}  // namespace osb::system

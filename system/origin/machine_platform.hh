// The platform of the machine that a sysroot belongs to. It prevents the deployment of an image for another
// machine.
#pragma once

#include "oci/documents/platform.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// Returns this machine's platform if the sysroot is the running system. For a mounted disk, returns the
// platform of the image that is deployed there, or this machine's if that image does not state one.
oci::Platform machine_platform(const ostree::Sysroot& sysroot, const ostree::Deployment& current);

// Throws Error{unsupported} if an image for `image` would not run there. Always accepts the platform that the
// running image states, because that image does run.
void check_machine(const oci::Platform& image, const ostree::Sysroot& sysroot,
                   const ostree::Deployment& current);

// As check_machine(), for a commit of the sysroot's repository. The commit may lack a platform.
void check_machine_of_commit(const ostree::CommitId& commit, const ostree::Sysroot& sysroot,
                             const ostree::Deployment& current);

}  // namespace osb::system

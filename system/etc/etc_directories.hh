// Opens the directories of a deployment that the merge of /etc reads.
#pragma once

#include "base/fd.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// The deployment's own directory, its /etc, and the /usr/etc of its image. These functions follow no links in
// the last names. They throw Error{not_found} if the directory is missing, and Error{io}.
Fd open_deployment(const ostree::Sysroot& sysroot, const ostree::DeploymentId& id);
Fd open_etc(const ostree::Sysroot& sysroot, const ostree::DeploymentId& id);
Fd open_default_etc(const ostree::Sysroot& sysroot, const ostree::DeploymentId& id);

}  // namespace osb::system

// Whether a deployment has room, on the root filesystem and on BOOT.
#pragma once

#include <string>
#include <vector>

#include "ostree/sysroot.hh"

namespace osb::system {

// Throws Error{no_space} unless BOOT has room for the kernel and initramfs of `commit` (none are written when
// another deployment has the same ones), and the root filesystem for what a deployment writes; names both
// numbers. What `leaving` takes counts as free: those are to be removed before the deployment is made.
void check_space(const ostree::Sysroot& sysroot, const std::string& stateroot, const std::string& commit,
                 const std::vector<ostree::Deployment>& leaving);

}  // namespace osb::system

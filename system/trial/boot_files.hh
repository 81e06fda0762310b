// The kernel and initramfs of a deployment, as they lie in BOOT.
#pragma once

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// Reads both files back from the disk and compares them with the deployment's own (usr/lib/modules/RELEASE).
// One that differs is written again, durably and in one step, and compared once more. Idempotent. Throws
// Error{io} with advice if it differs still, Error{not_found} if one is missing.
void verify_boot_files(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

}  // namespace osb::system

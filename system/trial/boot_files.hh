// Verifies the kernel and initramfs of a deployment in BOOT.
#pragma once

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// Reads both files back from the disk and compares them with the deployment's own (usr/lib/modules/RELEASE).
// Rewrites a file that differs, durably and atomically, and compares it again. Idempotent. Throws Error{io}
// with advice if it still differs, and Error{not_found} if a file is missing.
void verify_boot_files(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

}  // namespace osb::system

// Asks the registry for the image that a system follows, and fetches it, apart from what deploys it.
#pragma once

#include <string>

#include "base/progress.hh"
#include "base/sandbox.hh"
#include "ostree/sysroot/sysroot.hh"
#include "system/upgrade/image_answer.hh"
#include "system/upgrade/upgrade_options.hh"
#include "system/upgrade/upgrade_target.hh"

namespace osb::system {

// Resolves the image of `target`, and fetches it into the repository of the sysroot if plan_upgrade() says
// so. With a sandbox (`options.sandbox`), that happens in a process of its own (base/sandboxed_call.hh): it
// can change the repository, and have deployments removed that are no longer needed, to make room. The
// sysroot must be locked. Throws as Candidate and fetch_image(); Interrupted.
ImageAnswer look_up_image(ostree::Sysroot& sysroot, const UpgradeTarget& target,
                          const UpgradeOptions& options, Progress& progress);

// The rules of a process that reads the image of `target`, and can change nothing.
SandboxRules rules_of_check(const ostree::Sysroot& sysroot, const UpgradeTarget& target);

}  // namespace osb::system

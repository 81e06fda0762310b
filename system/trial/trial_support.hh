// Whether a machine supports trials of new systems.
#pragma once

#include <string>

#include "ostree/sysroot/sysroot.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::system {

struct TrialSupport {
    bool supported = false;
    std::string reason;  // the reason if not, for the user
    // True if the bootloader's files are those of a machine with trials, but are damaged or cannot be read.
    bool is_broken = false;
};

// Checks whether BOOT has osb-oci's menu and SYSLINUX, and whether the default deployment supports trials:
// its image has osb-oci or the service osb-boot-check. Needs no privileges.
TrialSupport trial_support(const ostree::Sysroot& sysroot);

// Returns true if the deployment can end its own trial: it has /usr/bin/osb-oci, and one of its runlevels has
// the service osb-boot-check.
bool can_end_trial(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

// As can_end_trial(), before the deployment: from its commit and from the deployment whose /etc it receives.
// Throws Error{refused} with advice if it could not end its trial. It would run until its next restart, which
// boots the old system. Without a trial, the machine could be lost.
void check_can_end_trial(const ostree::Sysroot& sysroot, const ostree::CommitWalk& commit,
                         const ostree::Deployment& current);

}  // namespace osb::system

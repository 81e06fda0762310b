// Whether new systems are put on trial on a machine.
#pragma once

#include <string>

#include "ostree/sysroot/sysroot.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::system {

struct TrialSupport {
    bool supported = false;
    std::string reason;  // why not, for people
    // The bootloader's files are those of a machine with trials, and cannot be read or are damaged.
    bool is_broken = false;
};

// Whether BOOT has osb-oci's menu and SYSLINUX, and whether the default deployment was made for trials: its
// image has osb-oci or the service osb-boot-check. Needs no privileges.
TrialSupport trial_support(const ostree::Sysroot& sysroot);

// Whether that deployment, once it runs, can end its own trial: it has /usr/bin/osb-oci, and one of its
// runlevels has the service osb-boot-check.
bool can_end_trial(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

// The same before it is deployed, from its commit and from the deployment whose /etc it takes over. Throws
// Error{refused} with advice if it could not end its trial: it would run until its next restart, which boots
// the old system. If it were not tried, the machine could be lost.
void check_can_end_trial(const ostree::Sysroot& sysroot, const ostree::CommitWalk& commit,
                         const ostree::Deployment& current);

}  // namespace osb::system

// The way back to the system before, and forth again.
#pragma once

#include <optional>
#include <string>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

enum class RollbackResult {
    swapped,          // the next boot starts the other proven system
    left,             // what runs has not passed its checks: the next boot starts the one that has
    trial_cancelled,  // nothing is tried at the next boot: it starts what it would have started without it
    trial_failed,     // what runs was on trial, and is remembered as bad
    staged_dropped,   // what another program had staged is not put in place at shutdown
};

struct RollbackOutcome {
    RollbackResult result = RollbackResult::swapped;
    ostree::Deployment next;                     // what the next boot starts
    std::optional<ostree::Deployment> given_up;  // what runs, or what would have been started or tried;
                                                 // nothing where that is gone already
};

// The sysroot must be locked. Throws Error{not_found} with advice when there is nothing to go back to;
// too_large, before anything is changed, when the kernel would not read all of its command line.
RollbackOutcome roll_back(ostree::Sysroot& sysroot);

// Removes the deployment that a rollback would lead to, and returns it; nothing when there is none. The
// sysroot must be locked. Throws Error{refused} with advice when it is pinned, is what the next boot starts,
// or what the machine falls back to while another one is on trial.
std::optional<ostree::Deployment> drop_rollback(ostree::Sysroot& sysroot);

}  // namespace osb::system

// Switches to the previous system, and back again.
#pragma once

#include <optional>
#include <string>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// The effect of a rollback.
enum class RollbackResult {
    swapped,          // the next boot starts the other proven system
    left,             // the running system has not passed its checks: the next boot starts the one that has
    trial_cancelled,  // the next boot tries nothing and starts the system that it would have started without
                      // the trial
    trial_failed,     // the running system was on trial; its failure is recorded
    staged_dropped,   // a deployment that another program staged is not installed at shutdown
    reset_cancelled,  // a factory reset that waited for the restart is given up
};

// The result of roll_back().
struct RollbackOutcome {
    RollbackResult result = RollbackResult::swapped;
    ostree::Deployment next;                     // the deployment that the next boot starts
    std::optional<ostree::Deployment> given_up;  // the running deployment, or the one that would have been
                                                 // started or tried; nothing if it is already gone
};

// Rolls back. The sysroot must be locked. Throws Error{not_found} with advice if there is no system to go
// back to. Throws Error{too_large}, before anything is changed, if the kernel would truncate its command
// line.
RollbackOutcome roll_back(ostree::Sysroot& sysroot);

// Removes the deployment that a rollback would start, and returns it; nothing if there is none. The sysroot
// must be locked. Throws Error{refused} with advice if it is pinned, if the next boot starts it, or if the
// machine falls back to it while another one is on trial.
std::optional<ostree::Deployment> drop_rollback(ostree::Sysroot& sysroot);

}  // namespace osb::system

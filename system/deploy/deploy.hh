// How the list of deployments changes: what comes first, what is kept, what goes. The one place that decides
// it for upgrade, switch, kargs, rollback and cleanup.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "system/trial/trial.hh"

namespace osb::system {

// The roles of the deployments of a sysroot. Of a system that is not booted, the default counts as current.
struct Roles {
    std::optional<ostree::Deployment> current;   // booted, else the default
    bool current_is_proven = true;               // it has not failed its trial, nor been started without one
    std::optional<ostree::Deployment> on_trial;  // to be tried, or being tried: may be the current one
    bool runs_on_trial() const { return on_trial && on_trial == current; }
    std::optional<ostree::Deployment> rollback;  // proven, and not current: where `rollback` leads
    bool rollback_is_default = false;            // the next boot starts it
    std::vector<ostree::Deployment> pinned;      // that have no other role
    std::vector<ostree::Deployment> others;      // left over: failed, never tried, or replaced
};
Roles roles_of(const ostree::Sysroot& sysroot);

// Throws Error{refused} when the current system is on trial: nothing is deployed before that is decided.
void check_not_on_trial(const Roles& roles);

enum class DeployResult {
    on_trial,    // started once, at the next boot
    is_default,  // no trial is possible here: the next boot starts it, and every later one
};

// Deploys and makes that what the next boot starts: on trial where the system can, else as the default. What
// runs stays, and so do the rollback and what is pinned; what is left over, or waits for its trial, goes
// before the new one is written. Throws Error as check_deployable() and check_space(), before anything is
// changed.
struct DeployOutcome {
    ostree::Deployment deployment;
    DeployResult result = DeployResult::on_trial;
    std::vector<std::string> etc_conflicts;  // one line about each, escaped; they are logged as warnings, too
};
DeployOutcome deploy_next(ostree::Sysroot& sysroot, const ostree::NewDeployment& deployment,
                          const TrialSubject& subject);

// The list without leftovers: current, on trial, rollback, pinned; refs and layers of images that are no
// longer deployed are removed, and the repository is pruned. Returns the bytes that were freed there.
std::uint64_t keep_proven(ostree::Sysroot& sysroot);

}  // namespace osb::system

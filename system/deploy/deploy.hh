// Changes the list of deployments. This is the only place that decides which deployment comes first, which
// ones are kept and which ones are removed, for upgrade, switch, kargs, rollback and cleanup.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/reset_record.hh"
#include "system/trial/trial.hh"

namespace osb::system {

// The roles of the deployments of a sysroot. In a system that is not booted, the default counts as current.
struct Roles {
    std::optional<ostree::Deployment> current;   // booted, else the default
    bool current_is_proven = true;               // it did not fail its trial, and was not started without one
    std::optional<ostree::Deployment> on_trial;  // waiting or being tried; may be the current one
    bool runs_on_trial() const { return on_trial && on_trial == current; }
    std::optional<ostree::Deployment> rollback;  // proven and not current: the target of `rollback`
    bool rollback_is_default = false;            // the next boot starts it
    std::vector<ostree::Deployment> pinned;      // pinned deployments without another role
    std::vector<ostree::Deployment> others;      // left over: failed, never tried, or replaced
    std::optional<ResetRecord> reset;            // the factory reset that is under way
    bool reset_waits = false;                    // the next boot starts the system of that reset
};
// Returns the roles, from the boot entries, the origin files and the records of trials. Changes nothing.
Roles roles_of(const ostree::Sysroot& sysroot);

// Throws Error{refused} if the current system is on trial. Nothing is deployed before that trial has a
// verdict.
void check_not_on_trial(const Roles& roles);
// Throws Error{refused} if the next boot starts the system of a factory reset, which would be lost.
void check_no_reset_waits(const Roles& roles);

// The way in which the next boot starts a new deployment.
enum class DeployResult {
    on_trial,    // started once, at the next boot
    is_default,  // no trial is possible here: the next boot starts it, and every later one
};

// The result of deploy_next().
struct DeployOutcome {
    ostree::Deployment deployment;
    DeployResult result = DeployResult::on_trial;
    std::vector<std::string> etc_conflicts;  // one line for each conflict, escaped; also logged as warnings
};

// Makes the /etc of a deployment that has the image's own; no boot entry lists the deployment yet.
using FillDeployment = std::function<void(const ostree::Deployment& made)>;

// Deploys a commit for the next boot: on trial if the system supports it, else as the default. Keeps the
// running system, the rollback and pinned deployments. Removes leftovers, and a deployment that waits for its
// trial, before it writes the new one. Calls `fill`, if it is set, in place of a merge of /etc. Throws Error
// as check_deployable() and check_space(), before anything is changed.
DeployOutcome deploy_next(ostree::Sysroot& sysroot, const ostree::NewDeployment& deployment,
                          const TrialSubject& subject, const FillDeployment& fill = {});

// Removes all deployments except the current one, the one on trial, the rollback and the pinned ones. Ends a
// factory reset if it is over (settle_reset.hh). Removes the refs and layers of images that are no longer
// deployed, refs and files of removed extensions, and prunes the repository. Returns the bytes that were
// freed in the repository.
std::uint64_t keep_proven(ostree::Sysroot& sysroot);

}  // namespace osb::system

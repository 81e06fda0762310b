// /etc of deployments that wait for their first start: merged when they are made, again when the machine
// shuts down, and once more at their first start where that did not come about (docs/upgrade.md, "/etc").
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

enum class EtcState {
    current,
    pending,  // it lacks changes that were made in the /etc it was merged from
    edited,   // it lacks them, and does not get them: its own /etc was changed since the merge
};

// Only reads. `current` for a deployment without a record: it was started already, or was merged by another
// program.
EtcState etc_state(const ostree::Sysroot& sysroot, const ostree::DeploymentId& deployment);
// Whether it is another one than `current`.
bool is_etc_pending(const ostree::Sysroot& sysroot, const ostree::DeploymentId& deployment);

enum class EtcMergeResult {
    merged,     // into a deployment that waits
    caught_up,  // in the running system
    unchanged,  // nothing has changed since the last merge
    edited,     // nothing was done: the deployment's own /etc was changed since the last merge
    gone,       // the system that it was merged from is no longer deployed
};

struct EtcMergeReport {
    ostree::DeploymentId deployment;
    ostree::DeploymentId from;
    EtcMergeResult result = EtcMergeResult::unchanged;
    std::size_t changed = 0;         // of caught_up: entries
    std::vector<std::string> notes;  // one line about each conflict, escaped
};

// Of functions from here on the sysroot must be locked. They throw Error as replace_etc() and update_etc(),
// and leave every /etc as it was, or merged.

// Merges the /etc of `from` into that of a deployment from Sysroot::deploy() without `merge`, and records it.
// Where `from` itself waits for its first start, unchanged, what it was merged from counts. Returns the
// notes.
std::vector<std::string> merge_new_etc(const ostree::Sysroot& sysroot, const ostree::Deployment& from,
                                       const ostree::Deployment& made);

struct EtcMergeOptions {
    std::optional<ostree::DeploymentId> running = {};   // nothing if the sysroot is only mounted
    std::string boot_id = {};                           // of this boot of the machine
    std::optional<ostree::DeploymentId> on_trial = {};  // whose trial has no verdict yet
    bool is_waiting_only = false;                       // the running system is stopping: it is left alone
};

// The running system, when it is started for the first time, takes over what changed after the merge, unless
// its own /etc has changed; in every deployment that waits, /etc is merged again where it has to be. One that
// was started on trial and waits again is merged whatever its /etc looks like. Idempotent. Returns a report
// of each.
std::vector<EtcMergeReport> merge_etc(const ostree::Sysroot& sysroot, const EtcMergeOptions& options = {});

// The deployment has proved itself, or needs not: from now on its /etc is its own. Returns whether changes
// were pending for it.
bool forget_etc_merge(const ostree::Sysroot& sysroot, const ostree::DeploymentId& deployment);

}  // namespace osb::system

// Merges /etc into deployments that wait for their first start. The merge happens when the deployment is
// made, again when the machine shuts down, and at the first start if the shutdown did not do it
// (docs/upgrade.md, "/etc").
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// The state of the /etc of a deployment.
enum class EtcState {
    current,
    pending,  // it lacks changes that were made in its source /etc since the merge
    edited,   // likewise, but it does not get them: its own /etc was changed since the merge
};

// Returns the state of the /etc of a deployment. Changes nothing. A deployment without a record is `current`:
// it was started already, or another program merged it.
EtcState etc_state(const ostree::Sysroot& sysroot, const ostree::DeploymentId& deployment);
// Returns true if etc_state() is not `current`.
bool is_etc_pending(const ostree::Sysroot& sysroot, const ostree::DeploymentId& deployment);

enum class EtcMergeResult {
    merged,     // into a deployment that waits
    caught_up,  // in the running system
    unchanged,  // nothing has changed since the last merge
    edited,     // nothing was done, because the deployment's own /etc was changed since the merge
    gone,       // the source deployment is no longer deployed
};

// The report of one merge.
struct EtcMergeReport {
    ostree::DeploymentId deployment;
    ostree::DeploymentId from;
    EtcMergeResult result = EtcMergeResult::unchanged;
    std::size_t changed = 0;         // number of changed entries, for caught_up
    std::vector<std::string> notes;  // one line for each conflict, escaped
};

// The sysroot must be locked for the functions below. They throw Error as replace_etc() and update_etc().
// After an error, each /etc is either unchanged or merged.

// Merges the /etc of `from` into a deployment that Sysroot::deploy() made without `merge`, and records the
// merge. If `from` waits for its own first start and is unedited, its source /etc is used instead. Returns
// the notes.
std::vector<std::string> merge_new_etc(const ostree::Sysroot& sysroot, const ostree::Deployment& from,
                                       const ostree::Deployment& made);

struct EtcMergeOptions {
    std::optional<ostree::DeploymentId> running = {};   // nothing if the sysroot is only mounted
    std::string boot_id = {};                           // id of this boot of the machine
    std::optional<ostree::DeploymentId> on_trial = {};  // the deployment whose trial has no verdict yet
    bool is_waiting_only = false;  // the running system is shutting down: leave its /etc alone
};

// Brings every /etc up to date. Idempotent. Returns a report for each deployment.
// - At its first start, the running system receives the changes that were made after the merge, unless its
//   own /etc was edited.
// - In each waiting deployment, /etc is merged again if necessary.
// - A deployment that was started on trial and waits again is always merged, even if its /etc was edited.
std::vector<EtcMergeReport> merge_etc(const ostree::Sysroot& sysroot, const EtcMergeOptions& options = {});

// Makes the /etc of a deployment its own from now on, because the deployment passed its trial or needs none.
// Returns true if changes were pending for it.
bool forget_etc_merge(const ostree::Sysroot& sysroot, const ostree::DeploymentId& deployment);

}  // namespace osb::system

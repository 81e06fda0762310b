// /etc of deployments that wait for their first start: merged when they are made, again when the machine
// shuts down, and once more at their first start where that did not come about (docs/upgrade.md, "/etc").
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// Whether a deployment lacks changes that were made in the /etc it was merged from. Only reads. False for one
// without a record: it was started already, or was merged by another program.
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

// The running system, when it is started for the first time, takes over what changed after the merge; in
// every deployment that waits, /etc is merged again where it has to be. Idempotent. Returns a report of each.
std::vector<EtcMergeReport> merge_etc(const ostree::Sysroot& sysroot);

// The deployment was started: from now on its /etc is its own. Returns whether changes were pending for it.
bool forget_etc_merge(const ostree::Sysroot& sysroot, const ostree::DeploymentId& deployment);

}  // namespace osb::system

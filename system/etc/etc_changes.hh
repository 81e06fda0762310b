// The changes of a machine to its /etc, compared with the image, and their fate in the next merge.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ostree/diff/commit_diff.hh"
#include "ostree/sysroot/sysroot.hh"
#include "system/etc/etc_plan.hh"

namespace osb::system {

// The fate of one change in a merge.
enum class EtcFate {
    kept,     // the machine's entry stays, or stays removed
    joined,   // an account file: merged by entry
    renamed,  // the machine's entry gets another name, beside the image's entry
    dropped,  // the new system has the image's entry, or none
};

// One path that differs between the image's /usr/etc and the machine's /etc.
struct EtcChange {
    std::string path;  // starts with "/etc/"; "/etc" for the directory itself; not escaped
    ostree::EntryChange change = ostree::EntryChange::changed;
    // As for commits. "content" includes the numbers of a device. SELinux labels are not compared.
    ostree::EntryAspects what;
    EtcFate fate = EtcFate::kept;
    std::string new_path;  // for renamed
};

struct EtcChanges {
    std::vector<EtcChange> changes;  // sorted by path
    // One line each, escaped: conflicts of the merge, and parts of /etc that are not read (etc_tree.hh).
    std::vector<std::string> notes;
};

// Compares two sides, and determines the fate of the changes in the merge with `new_default`. Pure. `notes`
// are those of the plan and the parts that are left out of `local`.
EtcChanges compare_etc(const EtcSide& image, const EtcSide& local, const EtcSide& new_default);

// Returns the changes of a deployment. `next` is the deployment into which /etc is merged; nothing means a
// merge with the deployment's own image. Reads all of /etc, so it needs the privileges for that. Changes
// nothing. Throws Error{io, not_found, too_large}, Interrupted.
EtcChanges etc_changes(const ostree::Sysroot& sysroot, const ostree::DeploymentId& deployment,
                       const std::optional<ostree::DeploymentId>& next);

}  // namespace osb::system

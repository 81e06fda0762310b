// Records of the trial of a new deployment (docs/boot.md, "On trial"). The old deployment stays the default
// of the bootloader, and SYSLINUX starts the new one once. Only boot-check, in the new system, makes it the
// default. The records lie in SYSROOT/ostree/osb-oci, because both systems must read them.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/deployment_id.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// The image on trial, for messages and for the next upgrade.
struct TrialSubject {
    std::string image;    // as the origin names it; "" if only kernel arguments changed
    std::string digest;   // of the manifest; "" if there is none
    std::string version;  // "" if the image does not state one
};

// The progress of a trial, as on record.
enum class TrialState {
    prepared,  // deployed; the bootloader may not be armed yet
    armed,     // the next boot starts it
    passed,    // its checks passed; it is being made the default
};

// The record of the current trial.
struct Trial {
    std::string id;  // 16 hexadecimal digits; the kernel argument osb.trial= has it
    ostree::DeploymentId deployment;
    TrialSubject subject;
    TrialState state = TrialState::prepared;
    std::int64_t time = 0;  // when it was prepared, in seconds since 1970
    // The boot in which the bootloader was armed (/proc/sys/kernel/random/boot_id); "" before that. During
    // that boot the trial is still to come.
    std::string boot_id;
    // 1, or 2 if it is tried again because the first try ended without a verdict.
    int attempt = 1;

    bool is_of(const ostree::Deployment& other) const;
};

// The record of a failed trial.
struct FailedTrial {
    ostree::DeploymentId deployment;
    // True if a later deployment has the same id (prepare_trial() records this). The record then applies only
    // to the digest and the commit.
    bool is_id_reused = false;
    TrialSubject subject;
    std::string reason;     // one line, for the user
    std::int64_t time = 0;  // when the failure was detected, in seconds since 1970

    bool is_of(const ostree::Deployment& other) const;
};

// Reads the current trial. Returns nothing if there is no record. A malformed record counts as missing, with
// a warning. This function and read_failed() need no privileges.
std::optional<Trial> read_trial(const ostree::Sysroot& sysroot);
// Reads the failed trials, the latest last. At most kMaxFailed are kept.
inline constexpr std::size_t kMaxFailed = 16;
std::vector<FailedTrial> read_failed(const ostree::Sysroot& sysroot);
// Returns the latest failure of that manifest or that commit. An empty digest or commit matches nothing.
// Failures of trials that only changed kernel arguments do not count.
std::optional<FailedTrial> find_failed(const ostree::Sysroot& sysroot, const std::string& digest,
                                       const std::optional<ostree::CommitId>& commit);

// Returns true if one of these failures belongs to exactly that deployment.
bool has_failed(const std::vector<FailedTrial>& failures, const ostree::Deployment& deployment);
bool has_failed(const std::vector<FailedTrial>& failures, const ostree::DeploymentId& deployment);

// Returns a new random id: 16 hexadecimal digits.
std::string new_trial_id();

// The sysroot must be locked for the functions below. advance_trial.hh has the functions that change a trial.

// Marks the failures of an earlier deployment of the same id as not applying to this deployment. Idempotent.
void unlink_failures(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

// Sets the list of deployments, in this order (Sysroot::write()), and writes the menu.
void write_deployments(ostree::Sysroot& sysroot, const std::vector<ostree::Deployment>& deployments);
// Rewrites the bootloader's menu of this sysroot, with the entry that starts the deployment on trial. Does
// nothing if the menu is not ours.
void write_menu(const ostree::Sysroot& sysroot);

}  // namespace osb::system

// A new deployment is on trial until it has proved itself (docs/boot.md, "On trial"): the old one stays the
// bootloader's default, SYSLINUX starts the new one once, and only boot-check, in the new system, makes it
// the default. What is known of a trial lies in SYSROOT/ostree/osb-oci, because both systems must read it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/deployment_id.hh"
#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// What is tried, for people and for the next upgrade.
struct TrialSubject {
    std::string image;    // as the origin names it; "" where only kernel arguments changed
    std::string digest;   // of the manifest; "" where there is none
    std::string version;  // "" where the image names none
};

enum class TrialState {
    prepared,  // deployed; the bootloader has perhaps not been told yet
    armed,     // the next boot starts it
    passed,    // its checks were green; it is being made the default
};

struct Trial {
    std::string id;  // 16 hexadecimal digits; the kernel argument osb.trial= has it
    ostree::DeploymentId deployment;
    TrialSubject subject;
    TrialState state = TrialState::prepared;
    std::int64_t time = 0;  // when it was prepared, in seconds since 1970
    // The boot in which the bootloader was told (/proc/sys/kernel/random/boot_id); "" before that. While that
    // boot lasts, the trial is still to come.
    std::string boot_id;
    // 1, or 2 if it is tried again because the first try ended without a verdict.
    int attempt = 1;

    bool is_of(const ostree::Deployment& other) const;
};

struct FailedTrial {
    ostree::DeploymentId deployment;
    // A later deployment has got the same id, as prepare_trial() notes: then the record speaks of the digest
    // and the commit alone.
    bool is_id_reused = false;
    TrialSubject subject;
    std::string reason;     // one line, for people
    std::int64_t time = 0;  // when it was noticed, in seconds since 1970

    bool is_of(const ostree::Deployment& other) const;
};

// What the files say. Nothing when there is none; one that is not well-formed is taken for none, with a
// warning. Need no privileges.
std::optional<Trial> read_trial(const ostree::Sysroot& sysroot);
// The latest last; at most kMaxFailed are kept.
inline constexpr std::size_t kMaxFailed = 16;
std::vector<FailedTrial> read_failed(const ostree::Sysroot& sysroot);
// The latest failure of that manifest or that commit ("" and no commit match none); not one of kernel
// arguments alone.
std::optional<FailedTrial> find_failed(const ostree::Sysroot& sysroot, const std::string& digest,
                                       const std::optional<ostree::CommitId>& commit);

// Whether one of these is a failure of that very deployment.
bool has_failed(const std::vector<FailedTrial>& failures, const ostree::Deployment& deployment);

// A new random id: 16 hexadecimal digits.
std::string new_trial_id();

// From here on the sysroot must be locked. advance_trial.hh has the functions that change a trial.

// Marks the failures recorded for an earlier deployment of the same id: they do not speak of this one.
// Idempotent.
void unlink_failures(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

// Makes these the deployments, in this order (Sysroot::write()), and writes the menu.
void write_deployments(ostree::Sysroot& sysroot, const std::vector<ostree::Deployment>& deployments);
// Writes the bootloader's menu of this sysroot anew, with the entry that starts the deployment on trial. Does
// nothing where the menu is not ours.
void write_menu(const ostree::Sysroot& sysroot);

}  // namespace osb::system

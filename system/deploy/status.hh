// The status of a system: its deployments with their roles, the system that the next boot starts, and failed
// trials.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/reset_record.hh"
#include "system/etc/etc_merge.hh"
#include "system/extension/extension.hh"
#include "system/trial/trial.hh"
#include "system/trial/trial_support.hh"

namespace osb::system {

enum class RequiredSignature { none, policy, remote };

// The status of one deployment.
struct DeploymentStatus {
    ostree::Deployment deployment;
    bool is_default = false;  // the first of the boot entries
    bool on_trial = false;    // being tried if it is booted, else waiting for its trial
    bool rollback = false;
    bool left_over = false;
    bool failed = false;  // its trial failed
    // State of /etc in a deployment that waits for its first start: whether changes were made since the
    // merge. Nothing if this process may not read all of /etc.
    std::optional<EtcState> etc = EtcState::current;

    std::string follows;         // image or refspec; the text of the origin if that cannot be followed
    std::string origin_problem;  // why the origin cannot be followed; "" if it can
    // The signature that the origin requires: of the image, by the policy, or of the commit inside, by the
    // keys of `remote`.
    RequiredSignature signature = RequiredSignature::none;
    std::string remote;                     // "" for other signatures
    std::string digest;                     // of the image's manifest; "" if it is not known
    std::string version;                    // "" if there is none
    std::optional<std::uint64_t> built;     // time of the commit, in seconds since 1970
    std::optional<std::uint64_t> deployed;  // time of the deployment, likewise
};

// The status of a sysroot.
struct SystemStatus {
    std::vector<DeploymentStatus> deployments;  // in the order of the boot entries
    std::optional<Trial> trial;
    std::vector<FailedTrial> failed;       // the latest last
    std::optional<std::size_t> next_boot;  // index of the deployment that the next boot starts
    TrialSupport trial_support;
    std::optional<ResetRecord> reset;         // the factory reset that is under way
    bool reset_waits = false;                 // the next boot starts the system of that reset
    std::vector<ExtensionStatus> extensions;  // of the current system
    std::string extensions_problem;           // why they are not known; "" if they are

    const DeploymentStatus* current() const;  // booted, else the default; null when nothing is deployed
    // Returns the latest failure, if it happened after the current system was deployed. Earlier failures are
    // history.
    const FailedTrial* recent_failure() const;
};

// Reads the status. Needs no privileges. Leaves out details of a deployment that it cannot read.
SystemStatus read_status(const ostree::Sysroot& sysroot);

}  // namespace osb::system

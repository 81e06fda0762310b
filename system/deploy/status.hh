// What `status` tells of a system: its deployments with their roles, what the next boot starts, trials that
// failed.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "system/etc/etc_merge.hh"
#include "system/trial/trial.hh"
#include "system/trial/trial_support.hh"

namespace osb::system {

struct DeploymentStatus {
    ostree::Deployment deployment;
    bool is_default = false;  // the first of the boot entries
    bool on_trial = false;    // being tried when it is booted, else to be tried
    bool rollback = false;
    bool left_over = false;
    bool failed = false;  // its trial
    // Changes of /etc were made since it was merged into this one, which waits. Nothing: without the right to
    // read all of /etc this is not known.
    std::optional<EtcState> etc = EtcState::current;

    std::string follows;         // image or refspec; what the origin says, where that cannot be followed
    std::string origin_problem;  // why it cannot; "" where it can
    std::string digest;          // of the image's manifest; "" where it is not known
    std::string version;         // "" where there is none
    std::optional<std::uint64_t> built;     // time of the commit, in seconds since 1970
    std::optional<std::uint64_t> deployed;  // when it was deployed
};

struct SystemStatus {
    std::vector<DeploymentStatus> deployments;  // in the order of the boot entries
    std::optional<Trial> trial;
    std::vector<FailedTrial> failed;       // the latest last
    std::optional<std::size_t> next_boot;  // index of what the next boot starts
    TrialSupport trial_support;

    const DeploymentStatus* current() const;  // booted, else the default; null when nothing is deployed
    // The latest failure, when it happened since the current system was deployed: before that it is history.
    const FailedTrial* recent_failure() const;
};

// Needs no privileges. What cannot be read of a deployment is left out.
SystemStatus read_status(const ostree::Sysroot& sysroot);

}  // namespace osb::system

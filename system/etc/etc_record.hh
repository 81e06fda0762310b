// What is known of the /etc of deployments that were not started yet, on disk:
// SYSROOT/ostree/osb-oci/etc-merges.json.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/deployment_id.hh"

namespace osb::system {

struct EtcMerge {
    ostree::DeploymentId deployment;
    ostree::DeploymentId from;  // whose /etc was merged into it; of the same stateroot
    std::string source;         // fingerprint of that /etc when it was merged
    std::string result;         // fingerprint of the deployment's own /etc after that
    // Of a merge that is putting a new /etc in place. Which of the two counts shows the fingerprint of the
    // deployment's own /etc. "" when there is none.
    std::string next_source = {};
    std::string next_result = {};
    bool is_started = false;  // it was started, on trial: without a verdict it is merged afresh
    // It is taking over what changed since the merge: after a power cut that is repeated.
    bool is_catching_up = false;
    std::string boot_id = {};  // of the boot in which it began that; "" before
};

// The newest last. A record that is not well-formed is read as none, with a warning. Throws Error{io}.
std::vector<EtcMerge> read_etc_merges(const std::string& sysroot);

// That of one deployment.
std::optional<EtcMerge> find_etc_merge(const std::string& sysroot, const ostree::DeploymentId& deployment);

// Replaces all, durably and in one step; keeps the newest 32. Without any the file is removed: the service
// osb-etc has nothing to do then. Throws Error{io, no_space}.
void write_etc_merges(const std::string& sysroot, std::vector<EtcMerge> merges);

}  // namespace osb::system

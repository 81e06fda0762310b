// Records of the /etc of deployments that were not started yet: SYSROOT/ostree/osb-oci/etc-merges.json.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/deployment_id.hh"

namespace osb::system {

// The record of the merge into one deployment.
struct EtcMerge {
    ostree::DeploymentId deployment;
    ostree::DeploymentId from;  // the source of the merge; of the same stateroot
    std::string source;         // fingerprint of that /etc when it was merged
    std::string result;         // fingerprint of the deployment's own /etc after that
    // Fingerprints of a merge in progress, which is replacing /etc; "" if there is none. The fingerprint of
    // the deployment's present /etc shows whether this pair or the one above applies.
    std::string next_source = {};
    std::string next_result = {};
    bool is_started = false;  // it was started on trial; without a verdict it is merged again
    // The running system is receiving the changes since the merge. After a power cut this is repeated.
    bool is_catching_up = false;
    std::string boot_id = {};  // id of the boot in which that began; "" before
};

// Reads all records, the newest last. Treats a malformed file as empty, with a warning. Throws Error{io}.
std::vector<EtcMerge> read_etc_merges(const std::string& sysroot);

// Returns the record of one deployment.
std::optional<EtcMerge> find_etc_merge(const std::string& sysroot, const ostree::DeploymentId& deployment);

// Replaces all records. Durable and atomic. Keeps the newest 32. Removes the file if there are no records, so
// that the service osb-etc has nothing to do. Throws Error{io, no_space}.
void write_etc_merges(const std::string& sysroot, std::vector<EtcMerge> merges);

}  // namespace osb::system

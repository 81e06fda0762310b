// Finds the role of an image that is already deployed in a sysroot.
#pragma once

#include <optional>
#include <string>

#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/deploy.hh"

namespace osb::system {

enum class DeploymentMatch {
    absent,         // not deployed
    current,        // the running system; if the sysroot is not booted, its default
    next_on_trial,  // the next boot tries it
    next_default,   // the next boot starts it, and every later one
};

// Returns the digest of the manifest that a deployment was made from; "" if it is not known.
std::string manifest_digest_of(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

// Finds the match by the manifest's digest or by the commit. An empty digest or commit matches nothing. An
// image that is deployed, but not for the next boot (the rollback), counts as absent.
DeploymentMatch match_deployment(const ostree::Sysroot& sysroot, const Roles& roles,
                                 const std::string& digest, const std::optional<ostree::CommitId>& commit);

}  // namespace osb::system

// What a sysroot has of an image already.
#pragma once

#include <optional>
#include <string>

#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/deploy.hh"

namespace osb::system {

enum class DeploymentMatch {
    absent,         // not deployed
    current,        // what runs (of a system that is not booted: its default)
    next_on_trial,  // the next boot tries it
    next_default,   // the next boot starts it, and every later one
};

// The digest of the manifest that a deployment was made from; "" where that is not known.
std::string manifest_digest_of(const ostree::Sysroot& sysroot, const ostree::Deployment& deployment);

// By the manifest's digest or the commit; "" and no commit match nothing. An image that is deployed, but not
// for the next boot (the rollback), counts as absent.
DeploymentMatch match_deployment(const ostree::Sysroot& sysroot, const Roles& roles,
                                 const std::string& digest, const std::optional<ostree::CommitId>& commit);

}  // namespace osb::system

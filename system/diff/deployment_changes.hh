// What each deployment changes, compared with the running system.
#pragma once

#include <map>
#include <string>

#include "ostree/sysroot/sysroot.hh"
#include "system/diff/diff.hh"

namespace osb::system {

// The difference of one deployment.
struct DeploymentChanges {
    std::string against;  // COMMIT.SERIAL of the running deployment; of the default if none is running
    PackageDiff packages;
    ostree::DiffCounts files;
    std::string problem;  // the reason if they cannot be compared, and nothing else is set; "" otherwise
};

// Compares each deployment with the running one, or the default. Maps COMMIT.SERIAL of every other deployment
// to its changes. Changes nothing. A commit that cannot be read is a `problem`, not an error. Throws
// Interrupted.
std::map<std::string, DeploymentChanges> deployment_changes(const ostree::Sysroot& sysroot);

}  // namespace osb::system

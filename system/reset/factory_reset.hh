// Brings a machine back to the state in which it was installed (docs/reset.md): deploys the running commit
// again in a new stateroot, which has an /etc and a /var of its own, for a trial. Both systems exist until
// the new one has passed its checks; settle_reset() then removes the old one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/deploy.hh"
#include "system/reset/copy_tree.hh"
#include "system/reset/kept_paths.hh"

namespace osb::system {

struct ResetOptions {
    std::vector<std::string> keep;  // paths below /etc or /var, as in the running system
    bool allow_no_login = false;    // accept a fresh system in which nobody could log in
};

// A path that is carried over.
struct KeptData {
    KeptPath path;
    TreeSize size;
};

// What a reset does.
struct ResetPlan {
    ostree::Deployment base;  // its commit, origin and kernel arguments are used again
    std::string stateroot;    // the new one
    std::vector<KeptData> kept;
    bool has_record = false;                  // install-to-disk has left a record of its --config
    std::vector<std::string> restored;        // paths that the record puts back
    std::vector<ostree::Deployment> removed;  // deployments that are removed when the checks have passed
    std::vector<std::string> logins;          // users of the fresh system that can log in; escaped
    std::vector<std::string> left_alone;  // mount points in /var, whose data is neither removed nor copied
};

// Plans a reset. Changes nothing and needs no lock, but root. Throws
// - Error{not_found} if nothing is deployed, and as resolve_kept_paths(),
// - Error{refused} if the running system is on trial; if /var is not that of the stateroot; and if nobody
//   could log in to the fresh system, unless the options allow it,
// - Error{no_space} if there is no room for the copies.
ResetPlan plan_reset(const ostree::Sysroot& sysroot, const ResetOptions& options);

struct ResetOutcome {
    ResetPlan plan;
    DeployOutcome deployed;
};

// Carries out a reset. The sysroot must be locked. Replaces a reset that waits for the restart. If it fails
// or is interrupted, the next boot starts the same system as before, and the next reset, upgrade, cleanup or
// boot-check removes the remains. Throws Error as plan_reset() and deploy_next(); Interrupted.
ResetOutcome factory_reset(ostree::Sysroot& sysroot, const ResetOptions& options);

}  // namespace osb::system

// `upgrade` and `switch`: the system that a name stands for now is fetched, deployed, and started at the next
// boot (docs/upgrade.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/progress.hh"
#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/deploy.hh"
#include "system/upgrade/release_order.hh"
#include "system/upgrade/upgrade_options.hh"

namespace osb::system {

enum class UpgradeResult {
    nothing_new,     // what is named runs, or is what the next boot starts
    follows,         // the running system follows the other name now; nothing else changes
    withdrawn,       // what is named runs: another system that waited for its trial is given up
    trial_prepared,  // it had been deployed before; the bootloader was told again
    downloaded,
    deployed,
};

struct UpgradeReport {
    UpgradeResult result = UpgradeResult::nothing_new;
    std::string image;                       // what is followed
    std::string digest;                      // of the manifest; "" for a ref of a remote
    std::optional<ostree::CommitId> commit;  // that the name stands for
    Release release;
    Release present;  // of the system that is current
    // What the next boot starts; nothing where that is what runs.
    std::optional<ostree::DeploymentId> next_boot;
    std::uint64_t bytes_read = 0;            // of layers
    std::vector<std::string> etc_conflicts;  // of deployed: one line about each conflict in /etc
    std::optional<DeployResult> deployment;  // of `deployed`
};

// The sysroot must be locked. Either the new system is deployed as a whole, or an exception was thrown and
// the next boot starts what it would have started; what was fetched until then is used by the next call.
// Throws Error: not_found without anything to follow; io for an older image and one that failed its trial;
// invalid for a system that would not boot; no_space; unavailable; those of import_image(); Interrupted.
UpgradeReport upgrade(ostree::Sysroot& sysroot, const UpgradeOptions& options, Progress& progress);

}  // namespace osb::system

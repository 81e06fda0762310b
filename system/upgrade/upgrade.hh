// `upgrade` and `switch`: fetches and deploys the system that a name points to now, for the next boot
// (docs/upgrade.md).
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/progress.hh"
#include "ostree/import/fetch_plan.hh"
#include "ostree/push/remote_pull.hh"
#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/deploy.hh"
#include "system/extension/extension.hh"
#include "system/upgrade/release_order.hh"
#include "system/upgrade/upgrade_options.hh"

namespace osb::system {

// The effect of an upgrade.
enum class UpgradeResult {
    nothing_new,     // the named system runs, or the next boot starts it
    follows,         // the running system follows the other name now; nothing else changes
    withdrawn,       // the named system runs; another system that waited for its trial was withdrawn
    trial_prepared,  // it was deployed before; the bootloader was armed again
    downloaded,
    deployed,
};

// The result of upgrade().
struct UpgradeReport {
    UpgradeResult result = UpgradeResult::nothing_new;
    std::string image;                       // the followed name
    std::string digest;                      // of the manifest; "" for a ref of a remote
    std::optional<ostree::CommitId> commit;  // the commit that the name points to
    Release release;
    Release present;  // of the current system
    // The deployment that the next boot starts; nothing if that is the running one.
    std::optional<ostree::DeploymentId> next_boot;
    std::uint64_t bytes_read = 0;  // of layers and parts of them; of a ref, all that the remote sent
    std::optional<ostree::Transfer> transfer;  // of an image that was fetched now
    // For a ref of a remote that is not a directory of this machine.
    std::optional<ostree::FetchedObjects> objects;
    std::vector<std::string> etc_conflicts;        // one line for each conflict in /etc, for `deployed`
    std::optional<DeployResult> deployment;        // for `deployed`
    std::vector<UnfitExtension> unfit_extensions;  // of the new system, for `deployed` and `downloaded`
};

// Upgrades a sysroot, which must be locked. Atomic: either the new system is completely deployed, or an
// exception is thrown and the next boot starts the same system as before. The next call reuses data that was
// fetched.
// Throws Error: not_found if there is nothing to follow; io for an older image and for one that failed its
// trial; invalid for a system that would not boot; no_space; unavailable; those of import_image();
// Interrupted.
UpgradeReport upgrade(ostree::Sysroot& sysroot, const UpgradeOptions& options, Progress& progress);

}  // namespace osb::system

// `upgrade --check`: what an upgrade would bring, without fetching it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/deployment_match.hh"
#include "system/trial/trial.hh"
#include "system/upgrade/packages.hh"
#include "system/upgrade/release_order.hh"
#include "system/upgrade/upgrade.hh"

namespace osb::system {

struct UpdateCheck {
    std::string image;                       // what is followed
    std::string digest;                      // of the manifest; "" for a ref of a remote
    std::optional<ostree::CommitId> commit;  // nothing where that is known only when it was fetched
    DeploymentMatch standing = DeploymentMatch::absent;
    Release release;  // empty where it says nothing
    Release present;  // of the system that is current
    bool is_older = false;
    std::optional<FailedTrial> failed;  // its trial, before
    bool is_prepared = false;  // it is deployed, but the bootloader was not told to try it: upgrade does that
    bool runs_on_trial = false;  // what runs has not passed its trial yet: upgrade refuses until it has
    bool is_fetched = false;     // it is here as a whole
    std::optional<std::uint64_t> bytes_to_fetch;  // of layers; not known of a remote
    // What differs in packages; nothing where that is not known, and why.
    std::optional<std::vector<PackageChange>> packages;
    std::string packages_unknown;

    bool is_new() const { return standing == DeploymentMatch::absent; }
    // Whether an upgrade with these options would do something, and not refuse.
    bool is_work(const UpgradeOptions& options) const;
};

enum class CheckDepth {
    release,  // a request or two
    contents  // bytes_to_fetch and packages, too, for which parts of layers may be read
};

// Needs no privileges, and changes nothing. Looks at the release, bytes and packages only of what is new.
// Throws Error as upgrade() does before it fetches.
UpdateCheck check_update(const ostree::Sysroot& sysroot, const UpgradeOptions& options,
                         CheckDepth depth = CheckDepth::contents);

}  // namespace osb::system

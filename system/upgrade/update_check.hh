// `upgrade --check`: the result of an upgrade, without the fetch.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ostree/import/fetch_plan.hh"
#include "ostree/sysroot/sysroot.hh"
#include "ostree/tree/packages.hh"
#include "system/extension/extension.hh"
#include "system/upgrade/upgrade_options.hh"
#include "system/upgrade/upgrade_plan.hh"

namespace osb::system {

// The result of check_update().
struct UpdateCheck {
    UpgradeFacts facts;  // `release` is set for a system that is not deployed, or would not be tried yet
    UpgradePlan plan;
    std::vector<ostree::PlannedWay> ways;         // to fetch an image, the chosen one first; empty for others
    std::optional<std::uint64_t> bytes_to_fetch;  // by the first way; nothing for a remote
    // The changes of packages; nothing if they are not known, with the reason.
    std::optional<std::vector<ostree::PackageChange>> packages;
    std::string packages_unknown;
    // Extensions of this system that the new one will not have. If that is not known, the reason.
    std::vector<UnfitExtension> unfit_extensions;
    std::string extensions_unknown;
};

// The amount of data that check_update() may read.
enum class CheckDepth {
    release,  // a request or two
    contents  // also bytes_to_fetch and packages, which may read parts of layers, or of a remote's commit
};

// Checks for an update. Needs no privileges and changes nothing. The plan is the one that upgrade() makes
// before it fetches. Determines bytes, packages and extensions only if upgrade() would deploy. Throws Error
// as upgrade() before the fetch; a refusal is a plan, not an error.
UpdateCheck check_update(const ostree::Sysroot& sysroot, const UpgradeOptions& options,
                         CheckDepth depth = CheckDepth::contents);

}  // namespace osb::system

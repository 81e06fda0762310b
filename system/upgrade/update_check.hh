// `upgrade --check`: what an upgrade would bring, without fetching it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "system/upgrade/packages.hh"
#include "system/upgrade/upgrade_options.hh"
#include "system/upgrade/upgrade_plan.hh"

namespace osb::system {

struct UpdateCheck {
    UpgradeFacts facts;  // `release` is that of a system that is not deployed, or would not be tried yet
    UpgradePlan plan;
    std::optional<std::uint64_t> bytes_to_fetch;  // of layers; not known of a remote
    // What differs in packages; nothing where that is not known, and why.
    std::optional<std::vector<PackageChange>> packages;
    std::string packages_unknown;
};

enum class CheckDepth {
    release,  // a request or two
    contents  // bytes_to_fetch and packages, too, for which parts of layers may be read
};

// Needs no privileges, and changes nothing. The plan is the one that upgrade() makes before it fetches. Looks
// at bytes and packages only of what it would deploy. Throws Error as upgrade() does before it fetches; a
// refusal is a plan.
UpdateCheck check_update(const ostree::Sysroot& sysroot, const UpgradeOptions& options,
                         CheckDepth depth = CheckDepth::contents);

}  // namespace osb::system

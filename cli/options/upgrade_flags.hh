// The options that `upgrade` and `switch` share.
#pragma once

#include "cli/options/fetch_flag.hh"
#include "cli/options/registry_flags.hh"
#include "cli/options/sysroot_flags.hh"
#include "system/upgrade/upgrade.hh"

namespace osb::cli {

// The parsed options, which are also the targets of their rows.
struct UpgradeFlags {
    SysrootFlags sysroot;
    FetchFlag fetch;
    RegistryFlags registry;
    system::UpgradeOptions upgrade;

    void declare(Arguments& arguments);
    // Returns `upgrade` with the registry options. Call it after parsing.
    system::UpgradeOptions options() const;
};

}  // namespace osb::cli

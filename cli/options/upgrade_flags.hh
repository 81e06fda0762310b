// The options that `upgrade` and `switch` share.
#pragma once

#include <optional>

#include "base/sandbox.hh"
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

// The sandbox of a run that only asks for an update; nullopt if libostree asks a remote, which has none.
// Leaves errors to the run.
std::optional<SandboxRules> sandbox_of_check(const SysrootFlags& flags,
                                             const system::UpgradeOptions& options);

}  // namespace osb::cli

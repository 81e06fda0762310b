// The output of `upgrade` and `switch`, for people and for programs (docs/json.md).
#pragma once

#include <string>

#include "cli/options/sysroot_flags.hh"
#include "cli/options/verb.hh"
#include "cli/output/json_output.hh"
#include "system/upgrade/upgrade.hh"

namespace osb::cli {

OrderedJson to_json(const system::Release& release);
OrderedJson upgrade_to_json(const system::UpgradeReport& report);
// Lines for people. External text is escaped.
std::string describe_upgrade(const system::UpgradeReport& report);

// Does the work of both verbs: opens the sysroot, upgrades, prints, and restarts the machine where that is
// asked for and there is something to start.
void run_upgrade(Session& session, const SysrootFlags& flags, const system::UpgradeOptions& options,
                 bool restart);

}  // namespace osb::cli

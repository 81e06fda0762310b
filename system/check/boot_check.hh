// The last step of each boot: runs the health checks of the system and applies the result to a deployment on
// trial (docs/boot.md, "On trial"). Also repairs an interrupted change of the deployments after a power cut.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ostree/sysroot/sysroot.hh"
#include "system/check/health_checks.hh"
#include "system/trial/advance_trial.hh"
#include "system/trial/boot_check_summary.hh"

namespace osb::system {

// The result of check_boot().
struct BootCheckOutcome {
    CheckReport report;
    TrialVerdict trial = TrialVerdict::none;
    std::string reason;    // reason of the verdict `failed`: one line, for the user
    bool restart = false;  // the running system failed its trial, and another system can be started
    std::optional<ostree::Deployment> booted;

    // Returns true if the running system is healthy.
    bool healthy() const;
};

struct BootCheckOptions {
    CheckOptions checks;
    std::string sysroot = "/";
    std::string run_directory = "/run/osb";  // directory of the result and of the watchdog's pipe
};

// Runs the checks and applies the result, except for the restart. Holds the lock of the sysroot only while it
// changes something. Throws Error as Sysroot::open() and open_locked(); Interrupted.
BootCheckOutcome check_boot(const BootCheckOptions& options);

// Applies the result of the checks. `running` of `input` must name a deployment; an empty `failure` means
// that the checks passed. The sysroot must be locked. Idempotent.
TrialOutcome settle_boot(ostree::Sysroot& sysroot, const TrialInput& input);

// Stops the watchdog of this boot's trial. Does nothing if no watchdog runs.
void stop_watchdog(const std::string& run_directory);

// Returns the reason why the initramfs started this system without /boot: one line, escaped. Returns "" if it
// mounted /boot, or if the boot entries exist now.
std::string read_boot_problem(const std::string& run_directory = "/run/osb",
                              const std::string& boot = "/boot");

}  // namespace osb::system

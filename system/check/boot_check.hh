// What each boot ends with: the system's checks, and what they mean for a deployment on trial (docs/boot.md,
// "On trial"). Brings in order, too, what a power cut has left of a change of the deployments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ostree/sysroot/sysroot.hh"
#include "system/check/health_checks.hh"
#include "system/trial/advance_trial.hh"

namespace osb::system {

struct BootCheckOutcome {
    CheckReport report;
    TrialVerdict trial = TrialVerdict::none;
    std::string reason;    // of `failed`; one line, for people
    bool restart = false;  // what runs has failed its trial, and another system is there to be started
    std::optional<ostree::Deployment> booted;

    // Whether what runs is well.
    bool healthy() const;
};

struct BootCheckOptions {
    CheckOptions checks;
    std::string sysroot = "/";
    std::string run_directory = "/run/osb";  // for the result; the watchdog's pipe is there, too
};

// Runs the checks, then does what follows from them, all but the restart. The sysroot is locked while
// something is to be changed, and at no other time. Throws Error as Sysroot::open() and open_locked();
// Interrupted.
BootCheckOutcome check_boot(const BootCheckOptions& options);

// The second half of that: `running` must name a deployment, and an empty `failure` means that the checks
// passed. The sysroot must be locked. Idempotent.
TrialOutcome settle_boot(ostree::Sysroot& sysroot, const TrialInput& input);

// Ends the watch over this boot's trial. Nothing where there is none.
void stop_watchdog(const std::string& run_directory);

// What the last check of this boot has found; for `status`. Nothing when there was none yet, or its record is
// not well-formed.
struct BootCheckSummary {
    bool healthy = false;
    std::int64_t time = 0;  // in seconds since 1970
    std::string failure;    // as CheckReport::failure(); escaped
};
std::optional<BootCheckSummary> read_boot_check(const std::string& run_directory = "/run/osb");

// Why the initramfs started this system without /boot: one line, escaped. Empty if it mounted /boot, or if
// the boot entries are there now.
std::string read_boot_problem(const std::string& run_directory = "/run/osb",
                              const std::string& boot = "/boot");

}  // namespace osb::system

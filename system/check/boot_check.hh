// What each boot ends with: the system's checks, and what they mean for a deployment on trial (docs/boot.md,
// "On trial"). Brings in order, too, what a power cut has left of a change of the deployments.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ostree/sysroot/sysroot.hh"
#include "system/check/health_checks.hh"

namespace osb::system {

// What became of a trial.
enum class TrialVerdict {
    none,     // there was none
    to_come,  // a later boot starts it; or it was interrupted before the bootloader was told
    passed,   // this boot has made it the default, or completed that
    failed,   // it is over; the reason is known
};
// As JSON has it: "none", "to-come", "passed", "failed".
std::string_view to_string(TrialVerdict verdict) noexcept;

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

// The second half of that, told what runs and how the checks went. The sysroot must be locked. `panic` is
// what the kernel left of a panic: one line, "" for nothing.
struct TrialOutcome {
    TrialVerdict trial = TrialVerdict::none;
    std::string reason;
    bool restart = false;
};
TrialOutcome settle_trial(ostree::Sysroot& sysroot, const ostree::Deployment& booted,
                          const CheckReport& report, const std::string& panic);

// Whether settle_trial() would have anything to do. Needs no lock.
bool is_settled(const ostree::Sysroot& sysroot);

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

}  // namespace osb::system

// The complete state of a trial, read from a sysroot into one value.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "system/trial/trial.hh"
#include "system/trial/trial_records.hh"
#include "system/trial/trial_rules.hh"

namespace osb::system {

// The label that the bootloader starts next.
enum class NextStart {
    default_entry,
    trial,    // the label `trial`, once
    unknown,  // the bootloader is missing, or its data cannot be read
};

// Returns the label that the bootloader starts next. Returns `unknown` in case of an error. Needs no lock.
NextStart read_next_start(const ostree::Sysroot& sysroot);

// The state of a trial at one moment.
struct TrialObservation {
    std::optional<Trial> trial;
    std::optional<TrialStage> stage;  // of this trial; nothing if it was not started, or ended too early
    std::vector<FailedTrial> failed;
    NextStart next_start = NextStart::default_entry;
    bool menu_is_current = true;  // a menu that is not ours, or cannot be read, counts as current
    bool in_arming_boot = false;  // this boot of the machine armed the trial
    std::string panic;            // the kernel's last panic in one line; "" if none is known
    TrialFacts facts;

    // Returns true if no rule would change anything, whatever the result of the checks.
    bool is_settled() const;
};

// Observes the trial of a sysroot. `running` is the running deployment; nothing if the sysroot is only
// mounted. `panic` is the panic record of the last boot (panic_record.hh), or "". Needs no lock and changes
// nothing. Idempotent. Throws Error{io} if a record cannot be read: a read error is not a fact. A malformed
// record counts as missing, with a warning.
TrialObservation observe_trial(const ostree::Sysroot& sysroot,
                               const std::optional<ostree::Deployment>& running, const std::string& panic);

// Returns the reason why a trial ended without a verdict, as far as it is known: one line, for the user.
std::string describe_silent_end(const TrialObservation& observation);

}  // namespace osb::system

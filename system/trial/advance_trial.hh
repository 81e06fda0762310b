// Applies the rules of a trial (trial_rules.hh) to a sysroot.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "system/trial/trial.hh"
#include "system/trial/trial_observation.hh"
#include "system/trial/trial_rules.hh"

namespace osb::system {

// The observations of a caller, for advance_trial().
struct TrialInput {
    std::optional<ostree::Deployment> running;  // nothing if the sysroot is only mounted
    std::string failure;  // why the running system fails, if it is on trial; "" if it does not
    std::string panic;    // the panic record of the last boot; "" for none
};

// The result of advance_trial().
struct TrialOutcome {
    TrialVerdict verdict = TrialVerdict::none;
    std::string reason;    // reason of the verdict `failed`: one line, for the user
    bool restart = false;  // the running system has failed, and another one can be started
};

// Observes the trial, finds the rule for the event, and applies its steps. Each step is durable. The sysroot
// must be locked. Idempotent: if it is interrupted, the next call completes the change. At every instant the
// next boot starts a complete system. Throws Error{io} if a record cannot be read or a step fails; the
// remaining steps are not applied.
TrialOutcome advance_trial(ostree::Sysroot& sysroot, TrialEvent event, const TrialInput& input);

// The same for an event that says nothing about the health of the running system.
TrialOutcome advance_trial(ostree::Sysroot& sysroot, TrialEvent event);

// Records that `deployment` is to be tried. Call this before the boot entries list it, so that they never
// contain a deployment that is neither proven nor on record as on trial. Withdraws a trial that is waiting.
// The event `resume` then arms the new one.
void prepare_trial(ostree::Sysroot& sysroot, const ostree::Deployment& deployment,
                   const TrialSubject& subject);

// Applies one step. For tests that interrupt a change between two steps.
void apply_trial_step(ostree::Sysroot& sysroot, TrialStep step, TrialObservation& observation,
                      const std::string& failure);

}  // namespace osb::system

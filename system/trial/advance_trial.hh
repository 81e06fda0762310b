// Carries out the rules of a trial (trial_rules.hh) on a sysroot.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "ostree/sysroot/sysroot.hh"
#include "system/trial/trial.hh"
#include "system/trial/trial_observation.hh"
#include "system/trial/trial_rules.hh"

namespace osb::system {

struct TrialInput {
    std::optional<ostree::Deployment> running;  // nothing if the sysroot is only mounted
    std::string failure;  // why the running system fails, if it is on trial; "" if it does not
    std::string panic;    // the panic record of the last boot; "" for none
};

struct TrialOutcome {
    TrialVerdict verdict = TrialVerdict::none;
    std::string reason;    // of `failed`: one line, for people
    bool restart = false;  // the system that runs has failed, and another one can be started
};

// Observes, finds the rule for the event and carries its steps out, each durably. The sysroot must be locked.
// Idempotent: if it is interrupted, the next call completes the change, and at every instant the next boot
// starts a whole system. Throws Error{io} if a record cannot be read or a step fails; the steps after it are
// then left undone.
TrialOutcome advance_trial(ostree::Sysroot& sysroot, TrialEvent event, const TrialInput& input);

// Records that `deployment` is to be tried. To be called before the boot entries list it, so that they never
// hold a deployment that is neither proven nor known to be on trial. A trial that is waiting is given up. The
// event `resume` then arms it.
void prepare_trial(ostree::Sysroot& sysroot, const ostree::Deployment& deployment,
                   const TrialSubject& subject);

// One step of it. For tests that interrupt a change between two steps.
void apply_trial_step(ostree::Sysroot& sysroot, TrialStep step, TrialObservation& observation,
                      const std::string& failure);

}  // namespace osb::system

// What happens to a trial, for tests on a sysroot that does not run.
#pragma once

#include <optional>
#include <string>

#include "system/trial/advance_trial.hh"
#include "system/trial/boot_once.hh"
#include "system/trial/trial.hh"
#include "system/trial/trial_records.hh"

namespace osb::test {

inline std::optional<ostree::Deployment> deployment_on_trial(const ostree::Sysroot& sysroot) {
    const std::optional<system::Trial> trial = system::read_trial(sysroot);
    return trial ? sysroot.find(trial->deployment) : std::nullopt;
}

// The system on trial runs, and its checks pass.
inline system::TrialOutcome pass_trial(ostree::Sysroot& sysroot) {
    return advance_trial(sysroot, system::TrialEvent::green, {.running = deployment_on_trial(sysroot)});
}

// The system on trial runs, and a check fails.
inline system::TrialOutcome fail_trial(ostree::Sysroot& sysroot, const std::string& failure) {
    return advance_trial(sysroot, system::TrialEvent::red,
                         {.running = deployment_on_trial(sysroot), .failure = failure});
}

inline system::TrialOutcome resume_trial(ostree::Sysroot& sysroot) {
    return advance_trial(sysroot, system::TrialEvent::resume, {.running = sysroot.booted()});
}

// The record is lost; the deployments and their marks stay.
inline void lose_trial(ostree::Sysroot& sysroot) {
    system::TrialRecords(sysroot.path()).remove_trial();
    system::clear_boot_once(sysroot.boot(), "trial");
    system::write_menu(sysroot);
}

}  // namespace osb::test

// Programs in /etc/osb/trial.d, which run when a trial has got its verdict (docs/boot.md, "Hooks").
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "system/trial/trial_rules.hh"

namespace osb::system {

struct TrialHookOptions {
    std::vector<std::string> directories{"/etc/osb"};  // with trial.d in them
    std::chrono::milliseconds limit{30'000};           // for each
    std::chrono::milliseconds total_limit{60'000};     // for all together: a restart may wait for them
};

// Runs each program with `status`, the document of `osb-oci status --json`, on standard input and
// OSB_TRIAL_VERDICT=passed|failed in its environment. Only for these two verdicts. A program that exceeds its
// limit is killed with its process group. Returns a line for each program that failed or was skipped; never
// throws for one, since the verdict stands.
std::vector<std::string> run_trial_hooks(const TrialHookOptions& options, TrialVerdict verdict,
                                         const std::string& status);

}  // namespace osb::system

// Runs the programs in /etc/osb/trial.d after a trial reached its verdict (docs/boot.md, "Hooks").
#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "system/trial/trial_rules.hh"

namespace osb::system {

struct TrialHookOptions {
    std::vector<std::string> directories{"/etc/osb"};  // directories that contain trial.d
    std::chrono::milliseconds limit{30'000};           // for each
    std::chrono::milliseconds total_limit{60'000};  // for all together, because a restart may wait for them
};

// Runs each program with `status`, the document of `osb-oci status --json`, on standard input, and with
// OSB_TRIAL_VERDICT=passed|failed in its environment. Does nothing for other verdicts. Kills a program that
// exceeds its limit with its process group. Returns a line for each program that failed or was skipped. A
// failing program never causes an exception, because the verdict stands.
std::vector<std::string> run_trial_hooks(const TrialHookOptions& options, TrialVerdict verdict,
                                         const std::string& status);

}  // namespace osb::system

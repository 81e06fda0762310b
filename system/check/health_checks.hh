// Runs the health checks of the system (docs/boot.md, "On trial"). Each program in required.d must succeed. A
// failure of a program in wanted.d is only reported. OpenRC's state of the services is checked too.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/subprocess.hh"

namespace osb::system {

// The locations and time limits of the checks.
struct CheckOptions {
    // Directories that contain required.d and wanted.d. A file in an earlier directory overrides the file of
    // the same name in a later one.
    std::vector<std::string> directories{"/etc/osb/check", "/usr/lib/osb/check"};
    // Time limits of each check and of all checks together. A check that exceeds its limit is killed with its
    // process group and counts as failed.
    std::chrono::milliseconds limit{60'000};
    std::chrono::milliseconds total_limit{300'000};
    // Time that a killed check may take to end. After that, it is abandoned.
    std::chrono::milliseconds kill_limit = Subprocess::kKillLimit;
    bool services = true;  // ask OpenRC for the state of the services
    // Called before each check with its name. May be empty.
    std::function<void(const std::string& name)> on_start;
};

// The result of one check.
struct CheckResult {
    std::string name;  // the file name, escaped; or "services"
    bool required = false;
    bool ok = false;
    std::string message;  // the last line of its output, or the reason of the failure: one line, escaped
    std::chrono::milliseconds duration{0};
};

// The results of all checks.
struct CheckReport {
    std::vector<CheckResult> results;   // in the order in which they ran
    std::vector<std::string> warnings;  // one for each skipped file; escaped

    // Returns true if all required checks passed.
    bool healthy() const;
    // Returns "check 'NAME' failed: MESSAGE" for the first required check that failed; "" if none failed.
    std::string failure() const;
};

// Runs all checks in the order of their names, the required ones first. Standard input is empty. The checks
// inherit the environment of this process. Throws Interrupted.
CheckReport run_checks(const CheckOptions& options);

}  // namespace osb::system

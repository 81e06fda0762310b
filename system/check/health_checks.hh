// The checks by which a system is found healthy (docs/boot.md, "On trial"): programs in required.d, of which
// each has to succeed, and in wanted.d, whose failures are only told; and what OpenRC says of its services.
#pragma once

#include <chrono>
#include <functional>
#include <string>
#include <vector>

#include "base/subprocess.hh"

namespace osb::system {

struct CheckOptions {
    // Directories with required.d and wanted.d in them. A file in an earlier one stands for the file of the
    // same name in a later one.
    std::vector<std::string> directories{"/etc/osb/check", "/usr/lib/osb/check"};
    // Of each check, and of all together; what runs then is killed with its process group, and has failed.
    std::chrono::milliseconds limit{60'000};
    std::chrono::milliseconds total_limit{300'000};
    // How long one that was killed may take to end; it is given up then.
    std::chrono::milliseconds kill_limit = Subprocess::kKillLimit;
    bool services = true;  // whether OpenRC is asked
    // Told before each check. May be empty.
    std::function<void(const std::string& name)> on_start;
};

struct CheckResult {
    std::string name;  // the file's, escaped; or "services"
    bool required = false;
    bool ok = false;
    std::string message;  // the last line of its output, or why it has failed: one line, escaped
    std::chrono::milliseconds duration{0};
};

struct CheckReport {
    std::vector<CheckResult> results;   // in the order in which they ran
    std::vector<std::string> warnings;  // of files that were passed over; escaped

    // Whether all that is required is well.
    bool healthy() const;
    // "check 'NAME' failed: MESSAGE", of the first required one that has; "" for none.
    std::string failure() const;
};

// Runs them all, in the order of their names; those required first. Standard input is empty; the environment
// is this process's own. Throws Interrupted.
CheckReport run_checks(const CheckOptions& options);

}  // namespace osb::system

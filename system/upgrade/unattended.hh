// The unattended upgrade, which cron starts every quarter of an hour (docs/upgrade.md, "Unattended
// upgrades").
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace osb::system {

// The environment of one run.
struct UnattendedJob {
    std::string root;  // directory that holds /etc, /run and /var; "" for this machine's
    std::string
        program;  // path of osb-oci, which runs as a separate process with the options of the settings
    std::chrono::milliseconds grace{10000};           // between SIGTERM and SIGKILL
    std::function<std::int64_t()> now;                // in seconds since 1970
    std::function<void(std::chrono::seconds)> sleep;  // throws Interrupted
    std::function<void()> restart;                    // restarts the machine
};

// The environment variable that marks an unattended upgrade (UpgradeOptions::unattended). Its value is "1".
inline constexpr const char* kUnattendedVariable = "OSB_UPGRADE_UNATTENDED";

// Runs one unattended upgrade: waits, checks, runs the hooks, upgrades, restarts, and writes the log. Does
// nothing if the settings disable it, outside of the window, after an upgrade in this window, or while
// another run holds the lock (/run/osb-upgrade, which only root can open). Throws Error{invalid} for
// malformed settings; Error{refused, unavailable, io} if an upgrade was available and failed, which the log
// reports too; Interrupted.
void run_unattended(const UnattendedJob& job);

}  // namespace osb::system

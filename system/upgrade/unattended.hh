// The unattended upgrade: what cron starts every quarter of an hour (docs/upgrade.md, "Unattended upgrades").
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>

namespace osb::system {

// Where one look happens, and with what.
struct UnattendedJob {
    std::string root;     // where /etc, /run and /var are; "" for this machine's
    std::string program;  // osb-oci: it is run as a process of its own, with the options of the settings
    std::chrono::milliseconds grace{10000};           // between SIGTERM and SIGKILL
    std::function<std::int64_t()> now;                // in seconds since 1970
    std::function<void(std::chrono::seconds)> sleep;  // throws Interrupted
    std::function<void()> restart;                    // of the machine
};

// The environment variable by which the program knows that nobody asked for the upgrade
// (UpgradeOptions::unattended); its value is "1".
inline constexpr const char* kUnattendedVariable = "OSB_UPGRADE_UNATTENDED";

// Does nothing where the settings say so, outside of the window, after an upgrade in this window, or while
// another one works (lock: /run/osb-upgrade, for root alone). Else waits, checks, runs the hooks, upgrades
// and restarts; writes a log. Throws Error: invalid for settings that cannot be read; refused, unavailable or
// io when there was an upgrade and it did not happen, which the log has, too; Interrupted.
void run_unattended(const UnattendedJob& job);

}  // namespace osb::system

// The settings of unattended upgrades: /etc/conf.d/osb-upgrade.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "system/upgrade/upgrade_window.hh"

namespace osb::system {

struct UnattendedSettings {
    bool is_on = false;
    UpgradeSchedule schedule{.begin = 2 * 60, .end = 5 * 60};
    unsigned jitter = 3000;  // the longest random wait, in seconds
    bool restarts = false;
    std::vector<std::string> options;  // of `upgrade`
    unsigned hook_time = 600;          // in seconds
    std::string log = "/var/log/osb-upgrade.log";
    unsigned log_size = 262144;  // in bytes
};

// Lines KEY=VALUE as a shell reads them, without expansions: a value is a word or stands in quotes; comments
// begin with '#'; of a key that comes twice the last counts. Throws Error{invalid} naming the line for
// everything else: other keys, and values that a key does not take.
UnattendedSettings parse_unattended_settings(std::string_view text);

}  // namespace osb::system

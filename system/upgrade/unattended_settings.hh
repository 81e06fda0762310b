// The settings of unattended upgrades: /etc/conf.d/osb-upgrade.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "system/upgrade/upgrade_window.hh"

namespace osb::system {

// The settings, with their defaults.
struct UnattendedSettings {
    bool is_on = false;
    UpgradeSchedule schedule{.begin = 2 * 60, .end = 5 * 60};
    unsigned jitter = 3000;  // the longest random wait, in seconds
    bool restarts = false;
    std::vector<std::string> options;  // options of `upgrade`
    unsigned hook_time = 600;          // in seconds
    std::string log = "/var/log/osb-upgrade.log";
    unsigned log_size = 262144;  // in bytes
};

// Parses lines KEY=VALUE as a shell does, without expansions. A value is a word or a quoted text. Comments
// begin with '#'. If a key occurs twice, the last value wins. Throws Error{invalid} that names the line for
// all other text: unknown keys, and values that a key does not accept.
UnattendedSettings parse_unattended_settings(std::string_view text);

}  // namespace osb::system

// The output of `status`, for people and for programs.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "system/deploy/status.hh"
#include "system/diff/deployment_changes.hh"
#include "system/upgrade/update_check.hh"

namespace osb::cli {

// The data and settings of a status report.
struct StatusView {
    const system::SystemStatus& status;
    std::optional<system::UpdateCheck> check;  // with --check
    std::int64_t now = 0;                      // seconds since 1970
    bool colour = false;
    // The changes of each deployment against the running one, by COMMIT.SERIAL; with --verbose.
    std::map<std::string, system::DeploymentChanges> changes = {};
};

// For people. External text is escaped.
std::string describe_status(const StatusView& view);
// A line about the current state of the followed image; "" without --check.
std::string describe_check(const StatusView& view);

// The JSON document of docs/json.md, in the format of to_document().
std::string status_document(const StatusView& view);

// "5 minutes ago", or "in 2 hours" if a clock was wrong.
std::string format_age(std::int64_t time, std::int64_t now);

}  // namespace osb::cli

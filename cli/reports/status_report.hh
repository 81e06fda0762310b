// What `status` tells of a system, for people and for programs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "system/deploy/status.hh"
#include "system/upgrade/update_check.hh"

namespace osb::cli {

struct StatusView {
    const system::SystemStatus& status;
    std::optional<system::UpdateCheck> check;  // where --check asked for it
    std::int64_t now = 0;                      // seconds since 1970
    bool colour = false;
};

// Everything that came from outside is escaped.
std::string describe_status(const StatusView& view);
// What the followed image is now, in a line: "" without --check.
std::string describe_check(const StatusView& view);

// The JSON document of docs/json.md, as to_document() writes it.
std::string status_document(const StatusView& view);

// "5 minutes ago", "in 2 hours" where a clock was wrong.
std::string format_age(std::int64_t time, std::int64_t now);

}  // namespace osb::cli

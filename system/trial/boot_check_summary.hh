// The result of the last health check of this boot, as boot-check (system/check/) leaves it in the run
// directory. The code that decides about deployments reads it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

namespace osb::system {

// The file name in the run directory.
inline constexpr const char* kBootCheckFile = "boot-check.json";

struct BootCheckSummary {
    bool healthy = false;
    std::int64_t time = 0;  // in seconds since 1970
    std::string failure;    // the first required check that failed; escaped. "" if none failed
};

// Returns nothing if there was no check yet or its record is malformed.
std::optional<BootCheckSummary> read_boot_check(const std::string& run_directory = "/run/osb");

}  // namespace osb::system

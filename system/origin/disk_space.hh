// Formats disk space for messages.
#pragma once

#include <cstdint>
#include <string>

namespace osb::system {

// Returns the size in MiB, rounded up: "12 MiB".
std::string in_mib(std::uint64_t bytes);

}  // namespace osb::system

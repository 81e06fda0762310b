// How messages speak of the room on the filesystems of a sysroot.
#pragma once

#include <cstdint>
#include <string>

namespace osb::system {

// "12 MiB", rounded up.
std::string in_mib(std::uint64_t bytes);

}  // namespace osb::system

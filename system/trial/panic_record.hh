// What the kernel has kept of its last panic, where the firmware gives it a place for that (pstore).
#pragma once

#include <string>

namespace osb::system {

// The line with the panic's reason, escaped; "" where there is no record of this or the last boot. Mounts
// pstore where nobody has: to be called in a mount namespace of this process's own.
std::string read_panic_record();

// The same, of the records in that directory that are at most so old.
std::string find_panic(const std::string& directory, long max_age_seconds);

}  // namespace osb::system

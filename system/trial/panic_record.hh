// Reads the record of the kernel's last panic, if the firmware has storage for it (pstore).
#pragma once

#include <string>

namespace osb::system {

// Returns the line with the reason of the panic, escaped; "" if there is no record of this or the last boot.
// Mounts pstore if it is not mounted. Call this in a private mount namespace.
std::string read_panic_record();

// As read_panic_record(), for the records in `directory` that are at most `max_age_seconds` old.
std::string find_panic(const std::string& directory, long max_age_seconds);

}  // namespace osb::system

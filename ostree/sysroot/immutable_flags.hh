// The flags of ext4 and its like that keep even root from removing a file (chattr +i, +a).
#pragma once

#include <cstddef>
#include <string>

namespace osb::ostree {

// Takes the flags "immutable" and "append only" off the directory at `path` and all that is below it; links
// are not followed. Returns how many files had one. What cannot be opened, and filesystems without such
// flags, are passed over: whoever removes the files sees the failure. Idempotent; not atomic.
std::size_t clear_immutable_flags(const std::string& path);

}  // namespace osb::ostree

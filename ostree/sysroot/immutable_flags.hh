// File flags of ext4 and similar filesystems that keep even root from removing a file (chattr +i, +a).
#pragma once

#include <cstddef>
#include <string>

namespace osb::ostree {

// Clears the flags "immutable" and "append only" of the directory at `path` and of everything below it,
// without following links. Returns the number of files that had one. Skips files that cannot be opened and
// filesystems without such flags: the removal of the files then reports the failure. Idempotent; not atomic.
std::size_t clear_immutable_flags(const std::string& path);

}  // namespace osb::ostree

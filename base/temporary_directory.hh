// The directory for temporary files.
#pragma once

#include <optional>
#include <string>

namespace osb {

// The chosen directory: that of this run if one was set, else $TMPDIR; nullopt without both.
std::optional<std::string> chosen_temporary_directory();

// The same, or else /var/tmp: large files fit there, and /tmp is often in memory.
std::string temporary_directory();

// Sets the directory of this run, which a sandbox leaves writable. Not thread-safe.
void set_temporary_directory(const std::string& path);

}  // namespace osb

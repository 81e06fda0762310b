// The filesystems that are mounted below a directory.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace osb::system {

// Returns the mount points below `path`, which is absolute, sorted; not `path` itself. `mountinfo` is the
// text of /proc/self/mountinfo. Malformed lines are skipped.
std::vector<std::string> mount_points_below(std::string_view mountinfo, const std::string& path);

// As above, for the mounts of this process. Throws Error{io}.
std::vector<std::string> mount_points_below(const std::string& path);

}  // namespace osb::system

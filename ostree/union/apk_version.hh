// Versions of Alpine packages, and dependencies on them (apk-tools, "version" and "dependency").
#pragma once

#include <string_view>

namespace osb::ostree {

// Compares two versions as apk does: 1.2.3a_rc1-r4. Returns a negative number, 0 or a positive number. Text
// that is not a version is compared by bytes.
int compare_apk_versions(std::string_view a, std::string_view b);

// The name in a dependency: "busybox" in "!busybox>=1.36@edge".
std::string_view dependency_name(std::string_view dependency) noexcept;

// True if a package satisfies the dependency by its name and version. A conflict (!NAME) is never satisfied.
bool satisfies(std::string_view dependency, std::string_view name, std::string_view version);

}  // namespace osb::ostree

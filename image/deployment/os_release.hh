// The name of a system, from os-release(5).
#pragma once

#include <cstddef>
#include <functional>
#include <map>
#include <string>
#include <string_view>

#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::image {

using OsRelease = std::map<std::string, std::string, std::less<>>;

// The most bytes of such a file that are read.
inline constexpr std::size_t kMaxOsRelease = 64UL * 1024;

// Parses shell assignments with their quoting. Skips other lines.
OsRelease parse_os_release(std::string_view text);

// Reads usr/etc/os-release of the commit, or else usr/lib/os-release. Empty if the commit has neither.
OsRelease read_os_release(const ostree::Repository& repository, const ostree::CommitWalk& commit);

// Returns the title that libostree gives in a boot entry to the deployment of that index: "NAME VERSION
// (ostree:INDEX)".
std::string deployment_title(const OsRelease& release, const std::string& version, unsigned index);

// Checks the title, which libostree writes unescaped. Throws Error{invalid} if it would not be a single line
// of a boot entry that bootloaders read.
void check_title(const OsRelease& release, const std::string& version);

}  // namespace osb::image

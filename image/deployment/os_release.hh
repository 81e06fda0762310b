// The system's name, as os-release(5) has it.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "ostree/objects/repository.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::image {

using OsRelease = std::map<std::string, std::string, std::less<>>;

// Assignments of a shell script, with its quoting; lines that are none are passed over.
OsRelease parse_os_release(std::string_view text);

// From usr/etc/os-release, else usr/lib/os-release of the commit; empty when it has neither.
OsRelease read_os_release(const ostree::Repository& repository, const ostree::CommitWalk& commit);

// What libostree calls the deployment of that index in a boot entry: "NAME VERSION (ostree:INDEX)".
std::string deployment_title(const OsRelease& release, const std::string& version, unsigned index);

// Throws Error{invalid} when such a title, which libostree writes as it is, would not stay one line of a boot
// entry that bootloaders read.
void check_title(const OsRelease& release, const std::string& version);

}  // namespace osb::image

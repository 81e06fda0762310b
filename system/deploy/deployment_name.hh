// The names of deployments on the command line.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// Returns true if the text always names a deployment, also where no such deployment exists: "booted",
// "staged", "pending", "rollback", a number of up to three digits, or COMMIT.SERIAL with at least four digits
// of the commit. Longer numbers may be the start of a commit.
bool is_deployment_name(std::string_view text);

// Returns the deployment that the next boot starts, or that waits for its trial, if it is not the current
// one: the staged one, else the one on trial, else the default.
std::optional<ostree::Deployment> pending_deployment(const ostree::Sysroot& sysroot);

// Finds a deployment by name. The names are those of is_deployment_name(), and the start of a commit with at
// least four digits. "staged" and "pending" both name pending_deployment(). A number is the index in the
// order of `status`. "" names the booted deployment, or the default if the system is not running. Throws
// Error: not_found; usage if several deployments match.
ostree::Deployment find_deployment(const ostree::Sysroot& sysroot, const std::string& text);

}  // namespace osb::system

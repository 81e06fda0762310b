// Stateroots: directories below ostree/deploy with the deployments that share one /var ("OSTree deployments"
// in the libostree manual).
#pragma once

#include <string>
#include <string_view>

#include "ostree/sysroot/sysroot.hh"

namespace osb::ostree {

// True for a name that a stateroot can have: no hidden file, and no character that is printed escaped.
bool is_stateroot_name(std::string_view name);

// Returns its directory relative to the sysroot.
std::string stateroot_path(const std::string& name);

// Returns true if the directory of the stateroot exists.
bool has_stateroot(const Sysroot& sysroot, const std::string& name);

// The sysroot must be locked for the functions below.

// Makes an empty stateroot, with the directories of /var that libostree and install-to-disk make. Throws
// Error{io, no_space}; Error{io} if it exists. Not atomic: remove_stateroot() removes an incomplete one.
void make_stateroot(const Sysroot& sysroot, const std::string& name);

// Makes an empty /var, with a warning, if the stateroot has none. libostree requires it for a deployment, but
// copies of a system without data lack it. Atomic and idempotent. Throws Error{invalid} if it is something
// else than a directory or a link to one; Error{not_found} if the stateroot is missing; Error{io, no_space}.
void ensure_var(const Sysroot& sysroot, const std::string& name);

// Removes the stateroot, with its /var and its kernels in BOOT. No boot entry may name one of its
// deployments: throws Error{internal} then, and changes nothing. Idempotent: a missing stateroot is not an
// error. Throws Error as remove_tree().
void remove_stateroot(const Sysroot& sysroot, const std::string& name);

}  // namespace osb::ostree

// Makes room for the next deployment. Removes the rollback if that is the only way.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/free_space.hh"
#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/deployable.hh"

namespace osb::system {

// Returns the rollback deployment if the machine can do without it: the current system is proven, not on
// trial, the default, and was healthy at its last check; and the rollback is not pinned.
std::optional<ostree::Deployment> expendable_rollback(const ostree::Sysroot& sysroot);

// As check_space(), but if only the expendable rollback is in the way, removes it with a warning. The sysroot
// must be locked. Idempotent.
void make_room(ostree::Sysroot& sysroot, const std::string& stateroot, const Deployable& deployable,
               const std::vector<ostree::Deployment>& leaving);

// Removes the expendable rollback and its objects, with a warning, if the root filesystem lacks the needed
// space and would have it afterwards. The sysroot must be locked. Idempotent.
void make_room_on_root(ostree::Sysroot& sysroot, const FreeSpace& needed);

}  // namespace osb::system

// Room for the next deployment, at the cost of the rollback where there is none otherwise.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/free_space.hh"
#include "ostree/sysroot/sysroot.hh"
#include "system/deploy/deployable.hh"

namespace osb::system {

// The rollback deployment, where the machine can do without it: the current system is proven, not on trial,
// and the default, and was healthy at its last check; the rollback is not pinned.
std::optional<ostree::Deployment> expendable_rollback(const ostree::Sysroot& sysroot);

// As check_space(), but where the expendable rollback is all that is in the way, removes it, with a warning.
// The sysroot must be locked. Idempotent.
void make_room(ostree::Sysroot& sysroot, const std::string& stateroot, const Deployable& deployable,
               const std::vector<ostree::Deployment>& leaving);

// Removes the expendable rollback and its objects, with a warning, where the root filesystem lacks what is
// needed and would have it then. The sysroot must be locked. Idempotent.
void make_room_on_root(ostree::Sysroot& sysroot, const FreeSpace& needed);

}  // namespace osb::system

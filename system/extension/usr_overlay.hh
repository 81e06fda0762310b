// A writable /usr until the restart, as `bootc usr-overlay` and `ostree admin unlock` make it.
#pragma once

#include "ostree/sysroot/sysroot.hh"
#include "system/extension/usr_mount.hh"

namespace osb::system {

// Returns the running deployment. Throws Error{refused} if the sysroot is not that of the running system.
ostree::Deployment require_booted(const ostree::Sysroot& sysroot);

// Makes /usr of the running system writable. Extensions stay visible. Changes go to a directory in /var and
// are gone after the restart. libostree's programs report the deployment as unlocked (development).
// Idempotent: returns false if /usr was writable already. The sysroot must be locked. Throws Error{refused}
// as require_booted(), and if /usr was unlocked with --transient; those of mount_on_usr() and remove_tree().
bool make_usr_writable(const ostree::Sysroot& sysroot, const MountNamespace& where);

// Removes the changes of an earlier boot, unless /usr is writable now. Idempotent. Failures are logged.
void remove_old_usr_changes();

}  // namespace osb::system

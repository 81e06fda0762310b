// Restarts the machine, for --apply.
#pragma once

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// Throws Error{usage} unless `sysroot` is that of the running system. Call this before you change anything.
void check_can_restart(const ostree::Sysroot& sysroot);

// Asks init for an orderly restart, which stops services and unmounts filesystems. Returns before the restart
// happens. Throws Error{io} if the program `reboot` fails.
void restart_machine();

}  // namespace osb::system

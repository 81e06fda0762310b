// The restart of the machine, for --apply.
#pragma once

#include "ostree/sysroot/sysroot.hh"

namespace osb::system {

// Throws Error{usage} unless this is the sysroot of the system that runs: to be called before anything is
// changed.
void check_can_restart(const ostree::Sysroot& sysroot);

// Asks init for it, in order: services are stopped, filesystems unmounted. Returns before that has happened.
// Throws Error{io} when the program `reboot` fails.
void restart_machine();

}  // namespace osb::system

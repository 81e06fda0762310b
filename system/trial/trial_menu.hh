// The bootloader's menu of a sysroot, with the entry that starts the deployment on trial. Needs nothing but
// files: libostree has it written while it holds the lock and is about to remove the old boot entries.
#pragma once

#include <string>
#include <vector>

#include "image/boot/boot_menu.hh"

namespace osb::system {

// What the menu's label for a trial is to start now, as the records in the sysroot that is mounted there say.
image::TrialMenu trial_menu(const std::string& sysroot);

}  // namespace osb::system

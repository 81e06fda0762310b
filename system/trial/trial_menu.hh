// The bootloader's menu of a sysroot, with the entry that starts the deployment on trial. Reads only files:
// libostree runs the program that writes the menu while libostree holds the lock and is about to remove the
// old boot entries.
#pragma once

#include <string>

#include "image/boot/boot_menu.hh"

namespace osb::system {

// Returns the systems that the labels `trial` and `fallback` start now, from the records and origin files of
// the sysroot that is mounted at `sysroot`.
image::TrialMenu trial_menu(const std::string& sysroot);

}  // namespace osb::system

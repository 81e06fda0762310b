// The bootloader's menu of a sysroot, with the entry that starts the deployment on trial. Needs nothing but
// files: libostree has it written while it holds the lock and is about to remove the old boot entries.
#pragma once

#include <string>
#include <vector>

#include "image/boot/boot_menu.hh"

namespace osb::system {

// The systems that the labels `trial` and `fallback` start now, from the records and origin files of the
// sysroot that is mounted at `sysroot`.
image::TrialMenu trial_menu(const std::string& sysroot);

}  // namespace osb::system

// Reads and writes the boot-once label, which SYSLINUX starts at the next boot in place of the default. The
// label lies in SYSLINUX's auxiliary data vector, the last two sectors of ldlinux.sys. The loader clears it
// before it starts the label (SYSLINUX documentation, extlinux.txt; libinstaller/advio.h).
#pragma once

#include <string>
#include <string_view>

namespace osb::system {

// Returns the label in the two copies of the vector (1024 bytes). The first intact copy counts. Returns "" if
// no label is set, and if neither copy is intact, which the loader treats as "not set".
std::string parse_boot_once(std::string_view vector);
// Returns the vector with that label, or without a label for "". Keeps the other data of the vector. Throws
// Error{internal} for a label that is too long.
std::string make_boot_once(std::string_view vector, std::string_view label);

// Returns the boot-once label of the SYSLINUX in the BOOT that is mounted at `boot`; "" if there is none or
// the vector is damaged. Throws Error{not_found} if SYSLINUX is missing, and Error{invalid} if its file has
// no vector.
std::string read_boot_once(const std::string& boot);

// Sets the boot-once label durably, and verifies it. Works as `extlinux --once`, but does not need the device
// of the filesystem. `label` is a word. Throws as read_boot_once(), and Error{io} if the file cannot be
// written.
void set_boot_once(const std::string& boot, const std::string& label);
// Clears the boot-once label if it is `label`. Another label is not ours to clear. Throws as set_boot_once().
void clear_boot_once(const std::string& boot, const std::string& label);

}  // namespace osb::system

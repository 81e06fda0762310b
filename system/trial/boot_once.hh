// The label that SYSLINUX starts at the next boot, once, in place of the default ("boot-once"). It lies in
// SYSLINUX's auxiliary data vector, the last two sectors of ldlinux.sys, which the loader itself clears
// before it starts the label (SYSLINUX documentation, extlinux.txt; libinstaller/advio.h).
#pragma once

#include <string>
#include <string_view>

namespace osb::system {

// The label in the vector's two copies (1024 bytes), of which the first that is whole counts; "" when none
// is set, and when neither is whole, which the loader takes for "not set".
std::string parse_boot_once(std::string_view vector);
// The vector with that label, "" for none; what else it holds stays. Throws Error{internal} for one that is
// too long.
std::string make_boot_once(std::string_view vector, std::string_view label);

// What the SYSLINUX in the BOOT that is mounted there starts once; "" for nothing, and where the vector is
// damaged. Throws Error{not_found} when there is no SYSLINUX, Error{invalid} when its file has no vector.
std::string read_boot_once(const std::string& boot);

// Sets it, durably, and looks whether it is. As `extlinux --once`, which wants the device of the filesystem
// to be there as well. `label` is a word. Throws as read_boot_once(); Error{io} when the file cannot be
// written.
void set_boot_once(const std::string& boot, const std::string& label);
// Nothing is started once, if that label was to be; another one is not ours to clear. Throws as
// set_boot_once().
void clear_boot_once(const std::string& boot, const std::string& label);

}  // namespace osb::system

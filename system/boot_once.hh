// The label that SYSLINUX starts at the next boot, once, in place of the default ("boot-once"). It lies in
// SYSLINUX's auxiliary data vector, the last two sectors of ldlinux.sys, which the loader itself clears
// before it starts the label (SYSLINUX documentation, extlinux.txt; libinstaller/advio.h).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace osb::system {

// The label in the vector's two copies (1024 bytes), of which the first that is whole counts; "" when none
// is set. Nothing when neither is whole, which the loader takes for "not set".
std::optional<std::string> parse_boot_once(std::string_view vector);

// What the SYSLINUX in the BOOT that is mounted there starts once; "" for nothing, and where the vector is
// damaged. Throws Error{not_found} when there is no SYSLINUX, Error{invalid} when its file has no vector.
std::string read_boot_once(const std::string& boot);

// Has the program extlinux set it, and looks whether it did. `label` is a word. Throws Error{not_found} when
// the program is not installed, Error{io} when it fails.
void set_boot_once(const std::string& boot, const std::string& label);
// Nothing is started once, if that label was to be; another one is not ours to clear. Throws as
// set_boot_once(), and only when there is something to be done.
void clear_boot_once(const std::string& boot, const std::string& label);

// Where the program extlinux is: in $PATH or where the system's programs are. Nothing when it is nowhere.
std::optional<std::string> find_extlinux();

}  // namespace osb::system

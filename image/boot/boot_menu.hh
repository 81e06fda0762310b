// The bootloader's menu: what SYSLINUX shows, and the entries in it.
//
// libostree's own configuration for SYSLINUX names an entry by its title. SYSLINUX takes the first word of
// that for the label, which two deployments of one system have in common, so neither can be chosen by it. So
// the entries are written by us: docs/install.md, "The menu".
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "image/deployment/boot_entry.hh"

namespace osb::image {

// Where they lie in BOOT.
inline constexpr const char* kMenuDirectory = "extlinux";
inline constexpr const char* kMenuFile = "extlinux.conf";    // for people to edit
inline constexpr const char* kEntriesFile = "entries.conf";  // made anew after every change of deployments

// The file that SYSLINUX reads first: console, timeout, appearance. `entries_path` is read after it.
std::string menu_settings(const std::string& entries_path);

// The label that SYSLINUX is told to start once (docs/boot.md, "On trial"); not shown in the menu.
inline constexpr const char* kTrialLabel = "trial";

// The label that the initramfs has started once when the default fails to come up (docs/boot.md, "Starts that
// are counted"); not shown either.
inline constexpr const char* kFallbackLabel = "fallback";

// The systems that the two labels start.
struct TrialMenu {
    // Whether that entry is the one on trial; none is when this is empty, or no entry answers to it. The
    // label then starts the default, so that a boot-once left over never ends at the loader's prompt. So it
    // does when the kernel would not read all of the arguments.
    std::function<bool(const BootEntry&)> is_on_trial;
    std::string arguments;  // added to the entry's kernel command line
    // Whether an entry may be fallen back to from the default. The first one that may gets the label
    // `fallback`. There is no such label if this is empty, no entry may, or the block has no room for it.
    std::function<bool(const BootEntry& entry, const BootEntry& default_entry)> is_fallback;
};

// The entries, the first of them the default. Labels are the ids of the entries.
std::string menu_entries(std::vector<BootEntry> entries, const TrialMenu& trial = {});

// The same as the file has it: one block of the filesystem (4096 bytes), so that the next menu can be written
// over it in one step. Where that is too small, older entries are left out, and a comment says how many.
// Throws Error{too_large} when not even the default fits, and the entry on trial if there is one.
struct MenuFile {
    std::string text;
    std::vector<std::string> shown;     // ids, the default first
    std::vector<std::string> left_out;  // likewise; they stay on the disk
    bool lacks_fallback = false;        // there is an entry for the label `fallback`, and no room
};
MenuFile menu_file(std::vector<BootEntry> entries, const TrialMenu& trial = {});

// Who made the menu of the system whose BOOT is mounted at `boot`.
enum class MenuOwner {
    ours,     // the bootloader reads these entries
    other,    // it does not, or there is no menu
    unknown,  // the menu cannot be read
};
MenuOwner menu_owner(const std::string& boot);
// Whether it is ours.
bool menu_is_ours(const std::string& boot);

// Writes the menu of the system whose BOOT is mounted at `boot` from its boot entries, in one step: after a
// power cut the old menu is there, or the new one, also for SYSLINUX, which reads no journal. For that the
// filesystem is frozen and thawed first, which empties its journal, and then the file's one block is written
// where it lies. (The first menu of a BOOT is put in place by a rename.) Entries whose command line the
// kernel would not read to its end, and those for which the block has no room, are left out, with a warning.
// Returns the ids of the others. Throws Error{not_found} when there are no entries, or the menu is not ours;
// too_large when none can be started, or as menu_file().
std::vector<std::string> update_boot_menu(const std::string& boot, const TrialMenu& trial = {});

// Throws Error{too_large} unless the menu has room for the present default with `tried` on trial. Warns if it
// will not have room for `tried` as the default with another one like it on trial. `arguments` are those of
// the trial. Does nothing where the menu is not ours.
void check_menu_room(const std::string& boot, const BootEntry& tried, const std::string& arguments);

// Throws Error{too_large} when the first of the boot entries, which is to be the default, could not be
// started because of its command line: for the program that libostree calls, before it changes the menu.
void check_default_entry(const std::string& boot);
// The same of the entry whose `ostree=` argument is `deployment`; nothing where there is none.
void check_entry_of(const std::string& boot, const std::string& deployment);

// Whether the menu that is there is the one that update_boot_menu() would write. Throws as that does.
bool menu_is_current(const std::string& boot, const TrialMenu& trial = {});

}  // namespace osb::image

// The bootloader's menu: the settings of SYSLINUX and the menu entries.
//
// libostree's own configuration for SYSLINUX labels an entry by its title. SYSLINUX takes only the first word
// as the label. Two deployments of one system share that word, so the label cannot select either. Therefore
// osb-oci writes the entries itself: docs/install.md, "The menu".
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "image/deployment/boot_entry.hh"

namespace osb::image {

// Paths in BOOT.
inline constexpr const char* kMenuDirectory = "extlinux";
inline constexpr const char* kMenuFile = "extlinux.conf";    // for the administrator to edit
inline constexpr const char* kEntriesFile = "entries.conf";  // rewritten after every change of deployments

// Returns the file that SYSLINUX reads first: console, timeout, appearance. It includes `entries_path`.
std::string menu_settings(const std::string& entries_path);

// The label that SYSLINUX starts once for a trial (docs/boot.md, "On trial"). The menu does not show it.
inline constexpr const char* kTrialLabel = "trial";

// The label that the initramfs starts once if the default does not come up (docs/boot.md, "Starts that are
// counted"). The menu does not show it.
inline constexpr const char* kFallbackLabel = "fallback";

// The systems that the labels `trial` and `fallback` start.
struct TrialMenu {
    // Returns true for the entry on trial. If this is empty, or no entry matches, the label `trial` starts
    // the default: a boot-once that was left over then never ends at the loader's prompt. The same applies if
    // the kernel would truncate the command line.
    std::function<bool(const BootEntry&)> is_on_trial;
    std::string arguments;  // added to the entry's kernel command line
    // Returns true if `entry` may serve as the fallback of the default. The first such entry gets the label
    // `fallback`. The label is missing if this is empty, no entry qualifies, or the block has no room for it.
    std::function<bool(const BootEntry& entry, const BootEntry& default_entry)> is_fallback;
};

// Returns the menu entries as text. The first entry is the default. The labels are the ids of the entries.
std::string menu_entries(std::vector<BootEntry> entries, const TrialMenu& trial = {});

// The menu entries in the form of the file: one filesystem block (4096 bytes), so that the next menu can
// replace it atomically. If the block is too small, menu_file() leaves out older entries and adds a comment
// with their number. menu_file() throws Error{too_large} if the default and the entry on trial, if there is
// one, do not fit.
struct MenuFile {
    std::string text;
    std::vector<std::string> shown;     // ids, the default first
    std::vector<std::string> left_out;  // ids; these entries stay on the disk
    bool lacks_fallback = false;        // an entry qualifies for the label `fallback`, but there is no room
};
MenuFile menu_file(std::vector<BootEntry> entries, const TrialMenu& trial = {});

// The owner of the menu in the BOOT that is mounted at `boot`.
enum class MenuOwner {
    ours,     // the bootloader reads these entries
    other,    // the bootloader does not read them, or there is no menu
    unknown,  // the menu cannot be read
};
MenuOwner menu_owner(const std::string& boot);
// Returns true if menu_owner() is MenuOwner::ours.
bool menu_is_ours(const std::string& boot);

// Writes the menu of the BOOT that is mounted at `boot` from its boot entries. Atomic: after a power cut,
// BOOT has the old menu or the new one. This holds for SYSLINUX too, which does not read the journal: the
// function freezes and thaws the filesystem, which empties the journal, and then overwrites the file's only
// block in place. It puts the first menu of a BOOT in place by a rename.
// Leaves out, with a warning, entries whose command line the kernel would truncate, and entries for which the
// block has no room. Returns the ids of the other entries. Throws Error{not_found} if there are no entries or
// the menu is not ours, Error{too_large} if no entry can be started, and as menu_file().
std::vector<std::string> update_boot_menu(const std::string& boot, const TrialMenu& trial = {});

// Checks that the menu has room for the present default with `tried` on trial. Throws Error{too_large} if
// not. Warns if the menu will not have room for `tried` as the default with a similar entry on trial.
// `arguments` are the kernel arguments of the trial. Does nothing if the menu is not ours.
void check_menu_room(const std::string& boot, const BootEntry& tried, const std::string& arguments);

// Checks the command line of the first boot entry, the coming default. Throws Error{too_large} if that entry
// could not be started. The program that libostree calls uses this before it changes the menu.
void check_default_entry(const std::string& boot);
// As check_default_entry(), for the entry whose `ostree=` argument is `deployment`. Does nothing if there is
// no such entry.
void check_entry_of(const std::string& boot, const std::string& deployment);

// Returns true if the present menu is the one that update_boot_menu() would write. Throws as
// update_boot_menu().
bool menu_is_current(const std::string& boot, const TrialMenu& trial = {});

}  // namespace osb::image

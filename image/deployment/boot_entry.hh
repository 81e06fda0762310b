// Entries of the Boot Loader Specification, type #1 (BOOT/loader/entries/*.conf), as libostree writes them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace osb::image {

struct BootEntry {
    std::string id;       // the file name without ".conf"
    std::string title;    // shown to the user
    std::string version;  // the entry with the greater version comes first
    std::string options;  // the kernel command line
    std::string kernel;   // paths in BOOT
    std::vector<std::string> initrds;
    std::string devicetree;  // "" for none
};

// Returns a title that a menu can show in one line, all of which SYSLINUX reads. The title comes from the
// image, so it is displayed and never interpreted. Control characters become '?'. A title longer than
// kMaxTitle bytes is cut.
inline constexpr std::size_t kMaxTitle = 200;
std::string printable_title(std::string_view text);

// Parses an entry. Skips unknown keys, as the specification requires. Throws Error{invalid} for an entry
// without a kernel, and for a byte that would end a line or a word in a bootloader's configuration.
BootEntry parse_boot_entry(std::string id, std::string_view text);

// Formats an entry with its lines in libostree's order.
std::string to_string(const BootEntry& entry);

// Sorts the entries as in a menu: by version, the greatest first, with digits compared as numbers; entries of
// equal version by id.
void sort_entries(std::vector<BootEntry>& entries);

}  // namespace osb::image

// Entries of the Boot Loader Specification, type #1 (BOOT/loader/entries/*.conf), as libostree writes them.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace osb::image {

struct BootEntry {
    std::string id;       // the file's name without ".conf"
    std::string title;    // for people
    std::string version;  // of two entries the one with the greater comes first
    std::string options;  // the kernel command line
    std::string kernel;   // paths in BOOT
    std::vector<std::string> initrds;
    std::string devicetree;  // "" for none
};

// A title as a menu can show it, in one line of which SYSLINUX reads all: it comes from the image, is shown
// and never obeyed. Control characters become '?', and what is longer than kMaxTitle bytes is cut.
inline constexpr std::size_t kMaxTitle = 200;
std::string printable_title(std::string_view text);

// Reads one. What is not known is passed over, as the specification wants it. Throws Error{invalid} for one
// without a kernel, and for a byte that would end a line or a word in a bootloader's configuration.
BootEntry parse_boot_entry(std::string id, std::string_view text);

// In libostree's own order of lines.
std::string to_string(const BootEntry& entry);

// The order of a menu: by version, the greatest first, where numbers count as such; equal ones by id.
void sort_entries(std::vector<BootEntry>& entries);

}  // namespace osb::image

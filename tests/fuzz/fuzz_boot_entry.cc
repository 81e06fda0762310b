// Boot entries (BOOT/loader/entries/*.conf), and the bootloader's menu that is made of them. Several entries
// are separated by the byte 1E; each begins with its id, in a line of its own.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "image/boot/boot_menu.hh"
#include "image/deployment/boot_entry.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using fuzz::require;
using image::BootEntry;

void require_same(const BootEntry& a, const BootEntry& b) {
    require(a.id == b.id && a.title == b.title && a.version == b.version && a.options == b.options);
    require(a.kernel == b.kernel && a.initrds == b.initrds && a.devicetree == b.devicetree);
}

std::vector<BootEntry> parse_entries(std::string_view input) {
    constexpr std::size_t kMaxEntries = 4;
    std::vector<BootEntry> out;
    for (const std::string& part : fuzz::split_parts(input, kMaxEntries)) {
        const std::size_t end = std::min(part.find('\n'), part.size());
        fuzz::accepts([&] {
            const BootEntry entry =
                image::parse_boot_entry(part.substr(0, end), std::string_view(part).substr(end));
            require_same(image::parse_boot_entry(entry.id, image::to_string(entry)), entry);
            out.push_back(entry);
        });
    }
    return out;
}

// Every line of the menu is of a kind that we write: no field has got out of its line.
void check_menu(const std::string& menu, const std::vector<BootEntry>& entries) {
    std::size_t labels = 0;
    std::string_view rest = menu;
    while (!rest.empty()) {
        const std::size_t end = rest.find('\n');
        require(end != std::string_view::npos);
        const std::string_view line = rest.substr(0, end);
        rest.remove_prefix(end + 1);
        require(fuzz::is_printable(line));
        if (line.starts_with("LABEL ")) ++labels;
        const auto begins = [line](std::string_view word) { return line.starts_with(word); };
        require(line.empty() || begins("# ") || begins("DEFAULT ") || begins("LABEL ") || begins("  MENU ") ||
                begins("  LINUX ") || begins("  INITRD ") || begins("  FDT ") || begins("  APPEND "));
    }
    require(labels == (entries.empty() ? 0 : entries.size() + 1));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<BootEntry> entries = parse_entries(as_text({data, size}));
    const std::string menu = image::menu_entries(entries);
    check_menu(menu, entries);
    const auto is_last = [&](const BootEntry& entry) { return entry.id == entries.back().id; };
    check_menu(image::menu_entries(entries, {.is_on_trial = is_last, .arguments = "osb.trial=0123"}),
               entries);
    fuzz::accepts([&] {
        constexpr std::size_t kBlock = 4096;
        const image::MenuFile file = image::menu_file(entries);
        require(file.text.size() == kBlock);
        require(file.shown.size() + file.left_out.size() == entries.size());
        require(!file.left_out.empty() || file.text.starts_with(menu) ||
                file.text.find("LABEL trial\n") == std::string::npos);
    });
    // The order is one of the entries themselves, where their ids tell them apart.
    std::vector<BootEntry> turned(entries.rbegin(), entries.rend());
    image::sort_entries(entries);
    image::sort_entries(turned);
    for (std::size_t i = 0; i < entries.size(); ++i) require(entries[i].id == turned[i].id);
    return 0;
}

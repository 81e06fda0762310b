// What decides about extensions of /usr. The first byte says which: 'j' the list extensions.json; 'r' an
// extension-release and an os-release, separated by the byte 1E; 'm' the kernel's list of mounts.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "system/extension/extension_record.hh"
#include "system/extension/extension_release.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using fuzz::accepts;
using fuzz::require;

// An accepted list is within the limits, and is read as it is written again.
void check_list(std::string_view text) {
    accepts([&] {
        const std::vector<system::Extension> list = system::parse_extensions(std::string(text));
        require(list.size() <= system::kMaxExtensions);
        for (const system::Extension& one : list) {
            require(system::is_extension_name(one.name));
            require(one.name.find('/') == std::string::npos && one.name != "." && one.name != "..");
        }
        const std::string written = system::extensions_text(list);
        require(system::extensions_text(system::parse_extensions(written)) == written);
    });
}

void check_release(std::string_view text) {
    std::vector<std::string> files = fuzz::split_parts(text, 2);
    files.resize(2);
    const image::OsRelease own = image::parse_os_release(files[0]);
    const image::OsRelease system = image::parse_os_release(files[1]);
    const std::string reason = system::why_unfit(own, system, "x86-64");
    require(fuzz::is_printable(reason));
    // The recorded fields decide as the whole file does, unless one of them was cut.
    const bool is_short =
        std::all_of(own.begin(), own.end(), [](const auto& f) { return f.second.size() < 200; });
    if (is_short) require(system::why_unfit(system::deciding_fields(own), system, "x86-64") == reason);
    // Nothing fits a system that it does not name.
    const auto id = own.find("ID");
    if (id == own.end() || id->second.empty()) require(!reason.empty());
}

void check_mounts(std::string_view text) {
    const auto mounts = system::mounts_on(text, "/usr");
    for (const system::MountPoint& mount : mounts) require(mount.target == "/usr");
    require(system::count_own_overlays(mounts) <= mounts.size());
    for (const std::string& below : system::mounts_below(text, "/usr")) require(below.starts_with("/usr/"));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text = as_text({data + 1, size - 1});
    switch (data[0]) {
        case 'j':
            check_list(text);
            break;
        case 'r':
            check_release(text);
            break;
        default:
            check_mounts(text);
    }
    return 0;
}

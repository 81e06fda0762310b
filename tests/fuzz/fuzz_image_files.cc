// Files of an image that install-to-disk reads and changes. The first byte says which: 'o' os-release; 'c'
// chrony.conf; 'n' conf.d/ntpd; 'p' passwd, group and shadow, separated by the byte 1E.
#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "image/boot/boot_menu.hh"
#include "image/deployment/boot_entry.hh"
#include "image/deployment/os_release.hh"
#include "image/settings/accounts.hh"
#include "image/settings/time_service.hh"
#include "tests/fuzz/fuzz_support.hh"

namespace {

using namespace osb;
using fuzz::accepts;
using fuzz::require;

const std::vector<std::string> kServers{"ntp.example", "192.0.2.1"};

// A text file as it is when each of its lines has an end.
std::string with_last_line_end(std::string_view text) {
    std::string out(text);
    if (!out.empty() && out.back() != '\n') out += '\n';
    return out;
}

// What an image calls itself is shown in the bootloader's menu, and does not get out of its line.
void check_os_release(std::string_view text) {
    const image::OsRelease release = image::parse_os_release(text);
    for (const auto& [key, value] : release) {
        require(!key.empty() && key.find('\n') == std::string::npos);
        require(value.find('\n') == std::string::npos);
    }
    const image::BootEntry entry{.id = "ostree-1-x",
                                 .title = image::deployment_title(release, "1", 0),
                                 .version = "1",
                                 .options = "quiet",
                                 .kernel = "/vmlinuz",
                                 .initrds = {},
                                 .devicetree = ""};
    const image::BootEntry read = image::parse_boot_entry(entry.id, image::to_string(entry));
    require(read.kernel == entry.kernel && read.options == entry.options && read.version == entry.version);
    require(fuzz::is_printable(read.title));
}

// Done again it changes nothing more.
void check_chrony(std::string_view text) {
    const std::string once = image::chrony_with_servers(text, kServers);
    require(image::chrony_with_servers(once, kServers) == once);
    require(once.ends_with("server ntp.example iburst\nserver 192.0.2.1 iburst\n"));
}

void check_ntpd(std::string_view text) {
    const std::string once = image::ntpd_with_servers(text, kServers);
    require(image::ntpd_with_servers(once, kServers) == once);
    require(once.ends_with("-p ntp.example -p 192.0.2.1\"\n"));
}

void check_accounts(std::string_view text) {
    std::vector<std::string> files = fuzz::split_parts(text, 3);
    files.resize(3);
    image::Accounts accounts(files[0], files[1], files[2]);
    // What is not touched stays.
    require(accounts.passwd() == with_last_line_end(files[0]));
    require(accounts.group() == with_last_line_end(files[1]));
    require(accounts.shadow() == with_last_line_end(files[2]));
    accepts([&] {
        const std::uint32_t gid = accounts.add_group({.name = "crew"});
        require(accounts.gid("crew") == gid);
        const image::UserCustomization user{.name = "jo", .password = "$6$x", .groups = {"crew"}};
        const image::Account made = accounts.set_user(user);
        require(accounts.uid("jo") == made.uid);
        const image::Account again = accounts.set_user(user);
        require(again.uid == made.uid && again.gid == made.gid && again.home == made.home && !again.is_new);
        // The files can be read as what they say.
        image::Accounts read(accounts.passwd(), accounts.group(), accounts.shadow());
        require(read.uid("jo") == made.uid && read.gid("crew") == gid && read.shadow() == accounts.shadow());
    });
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const std::string_view text = as_text({data + 1, size - 1});
    switch (data[0]) {
        case 'o':
            check_os_release(text);
            break;
        case 'c':
            check_chrony(text);
            break;
        case 'n':
            check_ntpd(text);
            break;
        default:
            check_accounts(text);
    }
    return 0;
}

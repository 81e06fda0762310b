#include "ostree/kernel_names.hh"

#include <array>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::ostree {
namespace {

constexpr std::array<std::string_view, 5> kKernelNames{"vmlinuz", "vmlinux", "bzImage", "Image", "zImage"};

}  // namespace

std::vector<std::string> names_of_directories(const Node* node) {
    std::vector<std::string> names;
    if (node == nullptr || !node->is_directory()) return names;
    for (const auto& [name, child] : node->children()) {
        if (child.is_directory()) names.push_back(name);
    }
    return names;
}

std::optional<std::string> kernel_flavour(std::string_view name) {
    for (const std::string_view prefix : kKernelNames) {
        if (name == prefix) return std::string{};
        if (name.starts_with(prefix) && name.size() > prefix.size() + 1 && name[prefix.size()] == '-') {
            std::string flavour(name.substr(prefix.size() + 1));
            // A rescue kernel is one more, for another boot loader; and a flavour becomes a directory's name.
            if (flavour.starts_with("0-rescue") || flavour == "." || flavour == "..") return std::nullopt;
            return flavour;
        }
    }
    return std::nullopt;
}

std::string release_of(const std::string& flavour, const std::vector<std::string>& releases) {
    std::vector<std::string> fitting;
    for (const std::string& release : releases) {
        if (release == flavour) return release;
        if (!flavour.empty() && release.ends_with('-' + flavour)) fitting.push_back(release);
    }
    if (fitting.size() == 1) return fitting.front();
    if (fitting.size() > 1) {
        throw Error(ErrorKind::invalid,
                    concat("the kernel ", quoted("/boot/vmlinuz-" + flavour), " could belong to ",
                           quoted(fitting[0]), " and to ", quoted(fitting[1]), " below /usr/lib/modules"))
            .hint("leave one release of the modules in the image");
    }
    if (releases.size() == 1) return releases.front();
    return flavour.empty() ? "unknown" : flavour;
}

bool is_initramfs_of(std::string_view name, const std::string& flavour, const std::string& release) {
    for (const std::string_view prefix : {"initramfs", "initrd.img", "initrd"}) {
        if (flavour.empty() && (name == prefix || name == concat(prefix, ".img"))) return true;
        for (const std::string& suffix : {flavour, release}) {
            if (suffix.empty()) continue;
            if (name == concat(prefix, '-', suffix) || name == concat(prefix, '-', suffix, ".img"))
                return true;
        }
    }
    return false;
}

}  // namespace osb::ostree

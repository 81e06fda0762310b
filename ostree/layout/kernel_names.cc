#include "ostree/layout/kernel_names.hh"

#include <algorithm>
#include <array>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::ostree {
namespace {

// "kernel" is Gentoo's name. It comes last, as in a boot directory with both it may be anything.
constexpr std::array<std::string_view, 6> kKernelNames{"vmlinuz", "vmlinux", "bzImage",
                                                       "Image",   "zImage",  "kernel"};
constexpr std::array<std::string_view, 4> kInitramfsNames{"initramfs", "initrd.img", "initrd", "booster"};

bool has_file(const Node& directory, std::string_view name) {
    const Node* const node = directory.child(name);
    return node != nullptr && !node->is_directory();
}

// The evidence that a kernel belongs to a directory of modules, weakest first.
enum class Trace {
    leftover,  // only directories: remains of dkms and similar tools
    some,
    kernel,   // a different kernel file, or the same with another mode
    modules,  // the files of a kernel package, without a kernel
};

Trace trace_of(const Node& directory) {
    if (has_file(directory, "vmlinuz")) return Trace::kernel;
    const Node* const modules = directory.child("kernel");
    if (modules != nullptr && count_files(*modules) > 0) return Trace::modules;
    for (const char* name : {"modules.builtin", "modules.order"}) {
        if (has_file(directory, name)) return Trace::modules;
    }
    for (const auto& [name, node] : directory.children()) {
        if (node.is_file()) return Trace::some;
    }
    return Trace::leftover;
}

// The releases with the strongest evidence.
std::vector<std::string> surest(const std::vector<std::string>& releases, const Node* modules) {
    std::vector<std::string> out;
    Trace best = Trace::leftover;
    for (const std::string& release : releases) {
        const Trace trace = trace_of(*modules->child(release));
        if (trace > best) out.clear();
        if (trace >= best) out.push_back(release);
        best = std::max(best, trace);
    }
    return out;
}

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
            // A rescue kernel is for another boot loader. A flavour becomes the name of a directory.
            if (flavour.starts_with("0-rescue") || flavour == "." || flavour == "..") return std::nullopt;
            return flavour;
        }
    }
    return std::nullopt;
}

std::string release_of(const std::string& flavour, const Sha256& kernel, const Node* modules) {
    const std::vector<std::string> releases = names_of_directories(modules);
    std::vector<std::string> fitting;
    for (const std::string& release : releases) {
        const Node* const present = modules->child(release)->child("vmlinuz");
        if (present != nullptr && present->is_file() && present->checksum == kernel) return release;
    }
    for (const std::string& release : releases) {
        if (release == flavour) return release;
        if (!flavour.empty() && release.ends_with('-' + flavour)) fitting.push_back(release);
    }
    fitting = surest(fitting, modules);
    if (fitting.size() == 1) return fitting.front();
    if (fitting.size() > 1) {
        throw Error(ErrorKind::invalid,
                    concat("the kernel ", quoted("/boot/vmlinuz-" + flavour), " could belong to ",
                           quoted(fitting[0]), " and to ", quoted(fitting[1]), " below /usr/lib/modules"))
            .hint("leave one release of the modules in the image");
    }
    const std::vector<std::string> others = surest(releases, modules);
    if (others.size() == 1) return others.front();
    return flavour.empty() ? "unknown" : flavour;
}

bool is_initramfs_of(std::string_view name, const std::string& flavour, const std::string& release) {
    for (const std::string_view prefix : kInitramfsNames) {
        if (flavour.empty() && (name == prefix || name == concat(prefix, ".img"))) return true;
        for (const std::string& suffix : {flavour, release}) {
            if (suffix.empty()) continue;
            if (name == concat(prefix, '-', suffix) || name == concat(prefix, '-', suffix, ".img"))
                return true;
        }
    }
    return false;
}

std::optional<std::string> initramfs_flavour(std::string_view name) {
    for (const std::string_view prefix : kInitramfsNames) {
        if (!name.starts_with(prefix)) continue;
        std::string_view rest = name.substr(prefix.size());
        if (rest.ends_with(".img")) rest.remove_suffix(4);
        if (rest.empty()) return std::string{};
        if (!rest.starts_with('-')) continue;
        rest.remove_prefix(1);
        for (const char* other : {"fallback", "rescue", "kdump", "extra"}) {
            if (rest.find(other) != std::string_view::npos) return std::nullopt;
        }
        return std::string(rest);
    }
    return std::nullopt;
}

}  // namespace osb::ostree

// The kernel's part of the bootable layout: from where distributions put it to where ostree looks for it.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/bootable_layout.hh"
#include "ostree/kernel_names.hh"

namespace osb::ostree {
namespace {

struct BootKernel {
    std::string file;  // in /boot
    std::string flavour;
    std::string release;
};

// Links give way to what they lead to, as one more name of it. Of the kernels' links in /boot those go that
// name another file there (vmlinuz -> vmlinuz-lts).
void resolve_boot_links(Node& root, Node& boot) {
    std::vector<std::string> dropped;
    for (auto& [name, node] : boot.children()) {
        if (!node.is_symlink()) continue;
        Resolved end;
        try {
            end = resolve(root, concat("boot/", name), LastLink::follow);
        } catch (const Error&) {
            continue;  // a loop: it is dropped with what is left in /boot
        }
        if (end.node == nullptr || !end.node->is_file()) continue;
        if (kernel_flavour(name) && end.canonical.starts_with("boot/")) {
            dropped.push_back(name);
        } else {
            node = Node::file(end.node->checksum);
        }
    }
    for (const std::string& name : dropped) boot.remove_child(name);
}

std::vector<BootKernel> kernels_in_boot(const Node& boot, const std::vector<std::string>& releases) {
    std::vector<BootKernel> found;
    for (const auto& [name, node] : boot.children()) {
        const std::optional<std::string> flavour = kernel_flavour(name);
        if (!flavour || !node.is_file()) continue;
        found.push_back({name, *flavour, release_of(*flavour, releases)});
    }
    return found;
}

// /usr/lib/modules/RELEASE/vmlinuz that is a link becomes the file that it leads to, /boot/vmlinuz-RELEASE
// say.
void resolve_module_kernels(Node& root, const std::vector<std::string>& releases) {
    for (const std::string& release : releases) {
        const std::string path = concat(kModules, '/', release, "/vmlinuz");
        Node* const node = resolve(root, path, LastLink::keep).node;
        if (node == nullptr || !node->is_symlink()) continue;
        const Node* const end = resolve(root, path, LastLink::follow).node;
        if (end != nullptr && end->is_file()) *node = Node::file(end->checksum);
    }
}

// Moves a file of /boot to the kernel's directory. The same file there already is fine, another is not.
void move_file(Node& boot, const std::string& from, Node& directory, const std::string& directory_path,
               const std::string& to) {
    const Node* const present = directory.child(to);
    Node* const moved = boot.child(from);
    if (present != nullptr && (!present->is_file() || present->checksum != moved->checksum)) {
        throw Error(ErrorKind::invalid, concat("two different files for one place: ", quoted("/boot/" + from),
                                               " and ", quoted(concat('/', directory_path, '/', to))))
            .hint("remove one of them in the Containerfile");
    }
    directory.set_child(to, std::move(*moved));
    boot.remove_child(from);
}

void take_from_boot(Node& root, Node& boot, const BootKernel& kernel) {
    const std::string path = concat(kModules, '/', kernel.release);
    Node& directory = make_directories(root, path);
    move_file(boot, kernel.file, directory, path, "vmlinuz");
    std::vector<std::pair<std::string, std::string>> moves;
    bool has_initramfs = false;
    for (const auto& [name, node] : boot.children()) {
        if (!node.is_file()) continue;
        if (!has_initramfs && is_initramfs_of(name, kernel.flavour, kernel.release)) {
            has_initramfs = true;
            moves.emplace_back(name, "initramfs.img");
        }
        for (const std::string_view side : {"config", "System.map"}) {
            const bool fits = name == side || name == concat(side, '-', kernel.flavour) ||
                              name == concat(side, '-', kernel.release);
            if (fits) moves.emplace_back(name, side);
        }
    }
    for (const auto& [from, to] : moves) move_file(boot, from, directory, path, to);
    if (Node* const dtbs = boot.child("dtbs-" + kernel.flavour);
        dtbs != nullptr && directory.child("dtb") == nullptr) {
        directory.set_child("dtb", std::move(*dtbs));
        boot.remove_child("dtbs-" + kernel.flavour);
    }
}

// What is left in /boot belongs to another boot loader than the one that deploys this commit.
void empty_boot(Node& boot, LayoutReport& report) {
    if (boot.children().empty()) return;
    std::string names;
    for (const auto& [name, node] : boot.children()) {
        if (!names.empty()) names += ", ";
        names += escape(name, 100);
        if (names.size() > 300) {
            names += ", ...";
            break;
        }
    }
    report.notes.push_back(concat("/boot: dropped what is neither kernel nor initramfs: ", names));
    boot.children().clear();
}

std::string the_only_kernel(const Node* modules) {
    std::vector<std::string> with_kernel;
    for (const std::string& release : names_of_directories(modules)) {
        const Node* const kernel = modules->child(release)->child("vmlinuz");
        if (kernel != nullptr && kernel->is_file()) with_kernel.push_back(release);
    }
    if (with_kernel.size() > 1) {
        throw Error(ErrorKind::invalid, concat("two kernels, ", quoted(with_kernel[0]), " and ",
                                               quoted(with_kernel[1]), ": ostree boots a commit with one"))
            .hint("remove one of them in the Containerfile");
    }
    return with_kernel.empty() ? std::string{} : with_kernel.front();
}

}  // namespace

void place_kernel(Node& root, LayoutReport& report) {
    replace_other(root, "boot", 0755, report);
    Node* const boot = root.child("boot");
    const std::vector<std::string> releases =
        names_of_directories(resolve(root, kModules, LastLink::follow).node);
    resolve_module_kernels(root, releases);
    resolve_boot_links(root, *boot);
    for (const BootKernel& kernel : kernels_in_boot(*boot, releases)) take_from_boot(root, *boot, kernel);
    empty_boot(*boot, report);
    const Node* const modules = resolve(root, kModules, LastLink::follow).node;
    report.kernel = the_only_kernel(modules);
    if (report.kernel.empty()) {
        report.warnings.emplace_back(
            "no kernel: neither /boot/vmlinuz-* nor /usr/lib/modules/*/vmlinuz is there, so the system "
            "cannot boot");
        return;
    }
    const Node* const directory = modules->child(report.kernel);
    if (directory->child("initramfs.img") == nullptr && directory->child("initramfs") == nullptr) {
        report.warnings.push_back(concat("no initramfs: /usr/lib/modules/", escape(report.kernel),
                                         "/initramfs.img is missing, and there is none in /boot"));
    }
}

}  // namespace osb::ostree

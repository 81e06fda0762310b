// The kernel in the bootable layout: moves it from the distribution's path to the path that ostree requires.
#include <algorithm>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/layout/bootable_layout.hh"
#include "ostree/layout/kernel_names.hh"

namespace osb::ostree {
namespace {

struct BootKernel {
    std::string file;  // in /boot
    std::string flavour;
    std::string release;
};

// Replaces links by their targets, as another name of the file. Removes the kernels' links in /boot that
// point to another file in /boot (vmlinuz -> vmlinuz-lts).
void resolve_boot_links(Node& root, Node& boot, LayoutReport& report, ImageBudget& budget) {
    std::vector<std::string> dropped;
    for (auto& [name, node] : boot.children()) {
        if (!node.is_symlink()) continue;
        const Resolved end = look_up(root, concat("boot/", name), LastLink::follow, budget);
        if (end.node == nullptr || !end.node->is_file()) continue;
        if (kernel_flavour(name) && end.canonical.starts_with("boot/")) {
            dropped.push_back(name);
        } else {
            node = Node::file(end.node->checksum);
        }
    }
    for (const std::string& name : dropped) boot.remove_child(name);
    report.dropped += dropped.size();
}

std::vector<BootKernel> kernels_in_boot(const Node& boot, const Node* modules) {
    std::vector<BootKernel> found;
    for (const auto& [name, node] : boot.children()) {
        const std::optional<std::string> flavour = kernel_flavour(name);
        if (!flavour || !node.is_file()) continue;
        found.push_back({name, *flavour, release_of(*flavour, node.checksum, modules)});
    }
    return found;
}

// Replaces a link /usr/lib/modules/RELEASE/vmlinuz by its target, for example /boot/vmlinuz-RELEASE.
void resolve_module_kernels(Node& root, const std::vector<std::string>& releases, ImageBudget& budget) {
    for (const std::string& release : releases) {
        const std::string path = concat(kModules, '/', release, "/vmlinuz");
        Node* const node = look_up(root, path, LastLink::keep, budget).node;
        if (node == nullptr || !node->is_symlink()) continue;
        const Node* const end = look_up(root, path, LastLink::follow, budget).node;
        if (end != nullptr && end->is_file()) *node = Node::file(end->checksum);
    }
}

// Moves the files of a kernel out of /boot.
class KernelMove {
  public:
    KernelMove(Node& boot, Node& directory, std::string release, LayoutReport& report)
        : boot_(boot), directory_(directory), release_(std::move(release)), report_(report) {}

    // Moves a file. An identical file at the destination is accepted, another one is an error.
    void take(const std::string& from, const std::string& to) {
        Node* const moved = boot_.child(from);
        const Node* const present = directory_.child(to);
        if (present != nullptr && (!present->is_file() || present->checksum != moved->checksum)) {
            throw Error(ErrorKind::invalid,
                        concat("two different files for one place: ", quoted("/boot/" + from), " and ",
                               quoted(concat('/', kModules, '/', release_, '/', to))))
                .hint("remove one of them in the Containerfile");
        }
        if (present != nullptr) ++report_.dropped;
        directory_.set_child(to, std::move(*moved));
        boot_.remove_child(from);
    }

    // Moves the other files of the kernel with `flavour` in /boot, without the kernel itself.
    void take_companions(const std::string& flavour) {
        const std::string initramfs =
            find([&](const std::string& name) { return is_initramfs_of(name, flavour, release_); });
        if (!initramfs.empty()) take(initramfs, "initramfs.img");
        for (const std::string side : {"config", "System.map"}) {
            const std::string file = find([&](const std::string& name) {
                return name == side || (!flavour.empty() && name == concat(side, '-', flavour)) ||
                       name == concat(side, '-', release_);
            });
            if (!file.empty()) take(file, side);
        }
        const std::string trees = "dtbs-" + flavour;
        Node* const dtbs = boot_.child(trees);
        if (dtbs == nullptr || directory_.child("dtb") != nullptr) return;
        directory_.set_child("dtb", std::move(*dtbs));
        boot_.remove_child(trees);
    }

    // The first matching file in /boot, "" if there is none.
    template<typename Fits>
    std::string find(const Fits& fits) const {
        for (const auto& [name, node] : boot_.children()) {
            if (node.is_file() && fits(name)) return name;
        }
        return {};
    }

  private:
    Node& boot_;
    Node& directory_;
    std::string release_;
    LayoutReport& report_;
};

void take_from_boot(Node& root, Node& boot, const BootKernel& kernel, LayoutReport& report,
                    ImageBudget& budget) {
    Node& directory = make_directories(root, concat(kModules, '/', kernel.release), budget);
    KernelMove move(boot, directory, kernel.release, report);
    // A remaining link with that name is dangling, because others were replaced by files.
    if (const Node* const present = directory.child("vmlinuz"); present != nullptr && present->is_symlink()) {
        directory.remove_child("vmlinuz");
        ++report.dropped;
    }
    move.take(kernel.file, "vmlinuz");
    move.take_companions(kernel.flavour);
}

bool has_initramfs(const Node& directory) {
    return directory.child("initramfs.img") != nullptr || directory.child("initramfs") != nullptr;
}

// The flavour of the initramfs in /boot for a kernel that is not in /boot.
std::optional<std::string> flavour_in_boot(const Node& boot, const std::string& release) {
    std::vector<std::string> flavours;
    for (const auto& [name, node] : boot.children()) {
        std::optional<std::string> flavour = initramfs_flavour(name);
        if (!flavour || !node.is_file()) continue;
        if (flavour->empty() || *flavour == release) return flavour;
        flavours.push_back(*flavour);
    }
    for (const std::string& flavour : flavours) {
        if (release.ends_with('-' + flavour)) return {flavour};
    }
    return flavours.size() == 1 ? std::optional(flavours.front()) : std::nullopt;
}

// A kernel in its modules' directory may still have its initramfs in /boot.
void complete_from_boot(Node& boot, Node& directory, const std::string& release, LayoutReport& report) {
    if (has_initramfs(directory)) return;
    const std::optional<std::string> flavour = flavour_in_boot(boot, release);
    if (!flavour) return;
    KernelMove move(boot, directory, release, report);
    const std::string exact =
        move.find([&](const std::string& name) { return initramfs_flavour(name) == release; });
    const std::string file =
        exact.empty()
            ? move.find([&](const std::string& name) { return initramfs_flavour(name) == *flavour; })
            : exact;
    move.take(file, "initramfs.img");
    report.notes.push_back(
        concat("/boot/", escape(file), ": used as the initramfs of the kernel ", escape(release)));
}

// The rest of /boot belongs to another boot loader than the one that deploys this commit.
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
    report.notes.push_back(concat("/boot: dropped files that are neither kernel nor initramfs: ", names));
    report.dropped += count_below(boot).files;
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
                                               quoted(with_kernel[1]), ": ostree supports one in a commit"))
            .hint("remove one of them in the Containerfile");
    }
    return with_kernel.empty() ? std::string{} : with_kernel.front();
}

}  // namespace

void place_kernel(Node& root, LayoutReport& report, ImageBudget& budget) {
    replace_other(root, "boot", 0755, report);
    Node* const boot = root.child("boot");
    const Resolved modules = look_up(root, kModules, LastLink::follow, budget);
    if (modules.node != nullptr && !modules.canonical.starts_with("usr/")) {
        throw Error(ErrorKind::invalid, concat("'/", kModules, "' points to ",
                                               quoted(concat('/', modules.canonical)), ", outside /usr"))
            .hint("make it a directory: ostree looks for the kernel in it");
    }
    resolve_module_kernels(root, names_of_directories(modules.node), budget);
    resolve_boot_links(root, *boot, report, budget);
    for (const BootKernel& kernel : kernels_in_boot(*boot, modules.node))
        take_from_boot(root, *boot, kernel, report, budget);
    Node* const releases = look_up(root, kModules, LastLink::follow, budget).node;
    report.kernel = the_only_kernel(releases);
    Node* const directory = report.kernel.empty() ? nullptr : releases->child(report.kernel);
    if (directory != nullptr) complete_from_boot(*boot, *directory, report.kernel, report);
    empty_boot(*boot, report);
    if (directory == nullptr) {
        report.warnings.emplace_back(
            "no kernel: neither /boot/vmlinuz-* nor /usr/lib/modules/*/vmlinuz is there, so the system "
            "cannot boot");
    } else if (!has_initramfs(*directory)) {
        report.warnings.push_back(concat("no initramfs: /usr/lib/modules/", escape(report.kernel),
                                         "/initramfs.img is missing, and there is none in /boot"));
    }
}

}  // namespace osb::ostree

#include "ostree/layout/derived_layout.hh"

#include <algorithm>
#include <array>
#include <string_view>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/layout/kernel_names.hh"
#include "ostree/tree/base_tree.hh"

namespace osb::ostree {
namespace {

constexpr std::string_view kFactoryVar = "usr/share/factory/var";
constexpr std::string_view kInitramfsName = "initramfs.img";

// The names of the files that the layout places beside the kernel.
constexpr std::array<std::string_view, 5> kPlaced{"vmlinuz", "initramfs.img", "initramfs", "config",
                                                  "System.map"};

Node* find(Node& root, std::string_view path) {
    Node* node = &root;
    for (const std::string_view part : split_path(path)) {
        node = node->child(part);
        if (node == nullptr) return nullptr;
    }
    return node;
}

const Node* find(const Node& root, std::string_view path) {
    return find(const_cast<Node&>(root), path);  // NOLINT: the lookup does not change the tree
}

std::optional<Sha256> link_at(const Node& root, std::string_view name) {
    const Node* const node = root.child(name);
    if (node == nullptr || !node->is_symlink()) return std::nullopt;
    return node->checksum;
}

bool has_module_files(const Node& directory) {
    return std::any_of(directory.children().begin(), directory.children().end(), [](const auto& child) {
        return child.first != "dtb" && child.second.is_directory() && count_below(child.second).files > 0;
    });
}

// Removes from `below` the nodes that `above` has too, unless both are directories. Of two directories, the
// one above sets the metadata. Returns the number of removed files.
std::size_t give_way(Node& below, const Node& above) {
    check_interrupt();
    std::size_t replaced = 0;
    for (const auto& [name, node] : above.children()) {
        Node* const other = below.child(name);
        if (other == nullptr) continue;
        if (!node.is_directory() || !other->is_directory()) {
            replaced += other->is_directory() ? count_below(*other).files : 1;
            below.remove_child(name);
            continue;
        }
        other->mode = node.mode;
        other->uid = node.uid;
        other->gid = node.gid;
        other->xattrs = node.xattrs;
        replaced += give_way(*other, node);
    }
    return replaced;
}

// Removes the link at `name` from the tree and returns it, if it has this checksum.
std::optional<Node> take_link(Node& root, std::string_view name, const std::optional<Sha256>& checksum) {
    if (!checksum || link_at(root, name) != checksum) return std::nullopt;
    Node link = std::move(*root.child(name));
    root.remove_child(name);
    return link;
}

void remove_if_empty(Node& root, std::string_view directory, std::string_view name) {
    Node* const parent = find(root, directory);
    const Node* const node = parent == nullptr ? nullptr : parent->child(name);
    if (node != nullptr && node->is_directory() && node->children().empty()) parent->remove_child(name);
}

}  // namespace

DerivedLayout::DerivedLayout(const Node& base) : laid_out_(is_laid_out(base)) {
    if (!laid_out_) return;
    ostree_link_ = link_at(base, "ostree");
    tmp_link_ = link_at(base, "tmp");
    has_factory_ = find(base, kFactory) != nullptr;
    has_factory_var_ = find(base, kFactoryVar) != nullptr;
    const Node* const modules = find(base, kModules);
    for (const std::string& release : names_of_directories(modules)) {
        const Node& directory = *modules->child(release);
        const Node* const kernel = directory.child("vmlinuz");
        if (kernel == nullptr || !kernel->is_file()) continue;
        kernel_ = release;
        has_modules_ = has_module_files(directory);
        for (const std::string_view name : kPlaced) {
            const Node* const file = directory.child(name);
            if (file != nullptr && file->is_file()) placed_.emplace(name, file->checksum);
        }
        return;
    }
}

LayoutReport DerivedLayout::apply(Node& root, const StoreLink& store_link, ImageBudget& budget) const {
    if (!laid_out_) return make_bootable(root, store_link, budget);
    LayoutReport before;
    place_local_files(root, store_link, budget);
    replace_state(root, before);
    replace_kernel(root, before);
    std::optional<Node> ostree = take_link(root, "ostree", ostree_link_);
    std::optional<Node> tmp = take_link(root, "tmp", tmp_link_);
    LayoutReport report = make_bootable(root, store_link, budget);
    report.notes.insert(report.notes.begin(), before.notes.begin(), before.notes.end());
    if (ostree) root.set_child("ostree", std::move(*ostree));
    if (tmp) root.set_child("tmp", std::move(*tmp));
    if (!has_factory_var_) remove_if_empty(root, kFactory, "var");
    if (!has_factory_) remove_if_empty(root, "usr/share", "factory");
    return report;
}

void DerivedLayout::place_local_files(Node& root, const StoreLink& store_link, ImageBudget& budget) const {
    struct Place {
        std::string_view parent;
        std::string_view name;
        std::string_view path;
        std::string_view state;
        std::string_view target;
    };
    constexpr std::array<Place, 2> kPlaces{
        {{"", "opt", "opt", "var/opt", "var/opt"},
         {"usr", "local", "usr/local", "var/usrlocal", "../var/usrlocal"}}};
    for (const Place& place : kPlaces) {
        const Node* const parent = find(root, place.parent);
        const Node* const link = parent == nullptr ? nullptr : parent->child(place.name);
        const Node* const state = find(root, place.state);
        if (link == nullptr || !link->is_symlink() || state == nullptr || count_below(*state).files == 0)
            continue;
        if (link->target != place.target) continue;
        TreeMove move(root, store_link, budget);
        move.plan(place.state, place.path);
        move.apply();
    }
}

void DerivedLayout::replace_state(Node& root, LayoutReport& report) const {
    const Node* const var = root.child("var");
    Node* const factory = find(root, kFactoryVar);
    if (var == nullptr || !var->is_directory() || factory == nullptr || !factory->is_directory()) return;
    if (const std::size_t replaced = give_way(*factory, *var); replaced > 0) {
        report.notes.push_back(concat("/", kFactoryVar, ": ", replaced, replaced == 1 ? " file" : " files",
                                      " of the base replaced by those of later layers in /var"));
    }
}

// True if a package manager has removed the kernel. It leaves files that it does not know: those of the
// layout and the lists of depmod.
bool DerivedLayout::lost_its_modules(const Node& directory) const {
    if (!has_modules_ || has_module_files(directory)) return false;
    return std::all_of(directory.children().begin(), directory.children().end(), [this](const auto& child) {
        const auto& [name, node] = child;
        if (node.is_directory() || name.starts_with("modules.")) return true;
        const auto placed = placed_.find(name);
        return placed != placed_.end() && node.is_file() && node.checksum == placed->second;
    });
}

void DerivedLayout::replace_kernel(Node& root, LayoutReport& report) const {
    Node* const modules = find(root, kModules);
    Node* const directory = modules == nullptr || kernel_.empty() ? nullptr : modules->child(kernel_);
    Node* const boot = root.child("boot");
    if (directory == nullptr || !directory->is_directory()) return;
    const std::vector<std::string> releases = names_of_directories(modules);
    std::vector<std::pair<std::string, Sha256>> new_kernels;  // flavour and checksum
    if (boot != nullptr && boot->is_directory()) {
        for (const auto& [name, node] : boot->children()) {
            const std::optional<std::string> flavour = kernel_flavour(name);
            if (flavour && node.is_file()) new_kernels.emplace_back(*flavour, node.checksum);
        }
    }
    if ((releases.size() > 1 || !new_kernels.empty()) && lost_its_modules(*directory)) {
        report.notes.push_back(
            concat("/", kModules, "/", escape(kernel_),
                   ": the base's kernel dropped; its modules are missing, and the image has another kernel"));
        modules->remove_child(kernel_);
        return;
    }
    if (boot == nullptr || !boot->is_directory()) return;
    const bool has_new_kernel = std::any_of(new_kernels.begin(), new_kernels.end(), [&](const auto& kernel) {
        return release_of(kernel.first, kernel.second, modules) == kernel_;
    });
    if (!has_new_kernel && !new_kernels.empty()) return;
    std::string initramfs;
    for (const auto& [name, node] : boot->children()) {
        const std::size_t dash = name.find('-');
        std::string flavour = dash == std::string::npos ? std::string() : name.substr(dash + 1);
        if (flavour.ends_with(".img")) flavour.resize(flavour.size() - 4);
        const bool fits = flavour.empty() || flavour == kernel_ || kernel_.ends_with('-' + flavour);
        if (fits && node.is_file() && is_initramfs_of(name, flavour, kernel_)) initramfs = name;
    }
    const auto is_base_file = [&](const char* name) {
        const Node* const node = directory->child(name);
        const auto placed = placed_.find(name);
        return node != nullptr && placed != placed_.end() && node->is_file() &&
               node->checksum == placed->second;
    };
    const Node* const present = directory->child(kInitramfsName);
    if (!initramfs.empty() && (present == nullptr || is_base_file("initramfs.img"))) {
        directory->remove_child("initramfs");
        directory->set_child(kInitramfsName, Node::file(boot->child(initramfs)->checksum));
        report.notes.push_back(concat("/boot/", escape(initramfs), ": replaces the base's initramfs"));
        boot->remove_child(initramfs);
    }
    if (!has_new_kernel) return;
    for (const char* name : {"vmlinuz", "config", "System.map"}) {
        if (is_base_file(name)) directory->remove_child(name);
    }
    report.notes.push_back(concat("/boot: a kernel replaces the base's, ", escape(kernel_)));
}

}  // namespace osb::ostree

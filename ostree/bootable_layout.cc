#include "ostree/bootable_layout.hh"

#include <array>
#include <string_view>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::ostree {
namespace {

struct TopLevel {
    std::string_view name;
    std::uint32_t mode;
};

// Filled when the system runs: an image has nothing to say there.
constexpr std::array<TopLevel, 6> kRuntime{
    {{"run", 0755}, {"tmp", 01777}, {"dev", 0755}, {"proc", 0555}, {"sys", 0555}, {"sysroot", 0755}}};

// Directories whose contents belong into /usr, as every distribution that merged its own has it.
constexpr std::array<std::string_view, 6> kMerged{"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

Node link_to(const StoreLink& store_link, std::string_view target) {
    return Node::symlink(store_link(target, 0, 0), target);
}

bool is_usr_directory(Node& root) {
    const Node* const usr = root.child("usr");
    return usr != nullptr && usr->is_directory();
}

bool has_init(Node& root) {
    for (const std::string_view path : {"sbin/init", "usr/sbin/init", "usr/lib/systemd/systemd"}) {
        if (resolve(root, path, LastLink::follow).node != nullptr) return true;
    }
    return false;
}

}  // namespace

void drop_runtime_content(Node& root, LayoutReport& report) {
    for (const TopLevel& top : kRuntime) {
        Node* node = root.child(top.name);
        if (node == nullptr || !node->is_directory())
            node = &root.set_child(top.name, Node::directory(top.mode));
        const TreeCount count = count_below(*node);
        if (count.files + count.directories == 0) continue;
        report.notes.push_back(
            concat("/", top.name, ": ", describe(count), " dropped; it is filled when the system runs"));
        node->children().clear();
    }
    root.remove_child(".dockerenv");
}

void merge_usr(Node& root, const StoreLink& store_link) {
    if (root.child("usr") == nullptr) root.set_child("usr", Node::directory());
    if (!is_usr_directory(root)) throw Error(ErrorKind::invalid, "'/usr' is not a directory");
    TreeMove move(root, store_link);
    std::vector<std::string_view> merged;
    for (const std::string_view name : kMerged) {
        const Node* const node = root.child(name);
        if (node == nullptr || !node->is_directory()) continue;
        move.plan(name, concat("usr/", name));
        merged.push_back(name);
    }
    // In the running system the files of /usr/etc are found in /etc.
    move.plan("etc", "usr/etc", "etc");
    move.apply();
    for (const std::string_view name : merged)
        root.set_child(name, link_to(store_link, concat("usr/", name)));
    make_directories(root, "usr/etc");
}

LayoutReport make_bootable(Node& root, const StoreLink& store_link) {
    LayoutReport report;
    drop_runtime_content(root, report);
    merge_usr(root, store_link);
    place_kernel(root, report);
    place_state(root, store_link, report);
    if (const Node* const ostree = root.child("ostree"); ostree != nullptr && ostree->is_directory()) {
        const TreeCount count = count_below(*ostree);
        if (count.files + count.directories > 0) {
            report.notes.push_back(
                concat("/ostree: ", describe(count), " dropped; it belongs to the deployed system"));
        }
    }
    root.set_child("ostree", link_to(store_link, "sysroot/ostree"));
    if (!has_init(root))
        report.warnings.emplace_back("no init: /sbin/init is missing, so the system cannot start");
    return report;
}

}  // namespace osb::ostree

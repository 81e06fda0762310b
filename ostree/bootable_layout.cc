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

bool has_init(Node& root) {
    for (const std::string_view path : {"sbin/init", "usr/sbin/init", "usr/lib/systemd/systemd"}) {
        try {
            if (resolve(root, path, LastLink::follow).node != nullptr) return true;
        } catch (const Error&) {
            continue;  // a loop of links is no init either
        }
    }
    return false;
}

}  // namespace

void replace_other(Node& root, std::string_view name, std::uint32_t mode, LayoutReport& report) {
    const Node* const node = root.child(name);
    if (node != nullptr && node->is_directory()) return;
    if (node != nullptr) {
        report.notes.push_back(concat("/", name, ": the ",
                                      node->is_symlink() ? "link to " + escape(node->target) : "file",
                                      " dropped for a directory"));
    }
    root.set_child(name, Node::directory(mode));
}

void drop_runtime_content(Node& root, LayoutReport& report) {
    for (const TopLevel& top : kRuntime) {
        replace_other(root, top.name, top.mode, report);
        Node& node = *root.child(top.name);
        const TreeCount count = count_below(node);
        if (count.files + count.directories == 0) continue;
        report.notes.push_back(
            concat("/", top.name, ": ", describe(count), " dropped; it is filled when the system runs"));
        node.children().clear();
    }
    root.remove_child(".dockerenv");
}

void merge_usr(Node& root, const StoreLink& store_link, LayoutReport& report) {
    for (const std::string_view name : {"usr", "etc"}) {
        if (root.child(name) == nullptr) root.set_child(name, Node::directory());
        if (root.child(name)->is_directory()) continue;
        throw Error(ErrorKind::invalid, concat("'/", name, "' is not a directory"))
            .hint("ostree deploys no such tree; import it with --layout plain");
    }
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
    report.notes.insert(report.notes.end(), move.notes().begin(), move.notes().end());
    for (const std::string_view name : merged) {
        root.set_child(name, link_to(store_link, concat("usr/", name)));
    }
}

LayoutReport make_bootable(Node& root, const StoreLink& store_link) {
    LayoutReport report;
    drop_runtime_content(root, report);
    // State before /usr: what links lead to by way of /root or /home is looked up while /etc and /lib are
    // where they were.
    place_state(root, store_link, report);
    merge_usr(root, store_link, report);
    place_kernel(root, report);
    if (const Node* const ostree = root.child("ostree"); ostree != nullptr && !ostree->is_symlink()) {
        const TreeCount count = count_below(*ostree);
        report.notes.push_back(concat("/ostree: ", ostree->is_directory() ? describe(count) : "the file",
                                      " dropped; it belongs to the deployed system"));
    }
    root.set_child("ostree", link_to(store_link, "sysroot/ostree"));
    if (!has_init(root))
        report.warnings.emplace_back("no init: /sbin/init is missing, so the system cannot start");
    return report;
}

}  // namespace osb::ostree

#include "ostree/layout/bootable_layout.hh"

#include <array>
#include <string_view>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/numbers.hh"

namespace osb::ostree {
namespace {

constexpr std::uint32_t kPublic = 0005;  // other users may list and enter

struct TopLevel {
    std::string_view name;
    std::uint32_t mode;
};

// Directories that are filled in the running system, so that content of the image has no effect.
constexpr std::array<TopLevel, 6> kRuntime{
    {{"run", 0755}, {"tmp", 01777}, {"dev", 0755}, {"proc", 0555}, {"sys", 0555}, {"sysroot", 0755}}};

// Directories that belong into /usr, as in all distributions with a merged /usr.
constexpr std::array<std::string_view, 6> kMerged{"bin", "sbin", "lib", "lib32", "lib64", "libx32"};

bool has_init(Node& root, ImageBudget& budget) {
    for (const std::string_view path : {"sbin/init", "usr/sbin/init", "usr/lib/systemd/systemd"}) {
        if (look_up(root, path, LastLink::follow, budget).node != nullptr) return true;
    }
    return false;
}

// Checks the top directories before paths below them are resolved.
void check_top(const Node& root) {
    for (const std::string_view name : {"usr", "etc", "var"}) {
        const Node* const node = root.child(name);
        if (node == nullptr || node->is_directory()) continue;
        throw Error(ErrorKind::invalid, concat("'/", name, "' is not a directory"))
            .hint("ostree cannot deploy such a tree; import it with --layout plain");
    }
}

// Plans the moves into /usr. Returns the moved directories.
std::vector<std::string_view> plan_merged(const Node& root, TreeMove& move) {
    std::vector<std::string_view> out;
    for (const std::string_view name : kMerged) {
        const Node* const node = root.child(name);
        if (node == nullptr || !node->is_directory()) continue;
        move.plan(name, concat("usr/", name));
        out.push_back(name);
    }
    return out;
}

void drop(LayoutReport& report, const Node& node) {
    report.dropped += count_files(node);
}

// Removes a link from /etc to the directory /usr/etc, which a checkout of a commit gets so that a chroot
// works.
void drop_etc_link(Node& root, LayoutReport& report, ImageBudget& budget) {
    const Node* const etc = root.child("etc");
    if (etc == nullptr || !etc->is_symlink()) return;
    const Resolved target = look_up(root, "etc", LastLink::follow, budget);
    if (target.node == nullptr || !target.node->is_directory() || target.canonical != "usr/etc") return;
    drop(report, *etc);
    root.remove_child("etc");
}

}  // namespace

void replace_other(Node& root, std::string_view name, std::uint32_t mode, LayoutReport& report) {
    const Node* const node = root.child(name);
    if (node != nullptr && node->is_directory()) return;
    if (node != nullptr) {
        report.notes.push_back(concat("/", name, ": the ",
                                      node->is_symlink() ? "link to " + escape(node->target) : "file",
                                      " replaced by a directory"));
        drop(report, *node);
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
            concat("/", top.name, ": ", describe(count), " dropped; the running system fills it"));
        drop(report, node);
        node.children().clear();
    }
    if (const Node* const marker = root.child(".dockerenv"); marker != nullptr && !marker->is_directory()) {
        drop(report, *marker);
        root.remove_child(".dockerenv");
    }
}

void add_link(Node& parent, std::string_view name, const StoreLink& store_link, std::string_view target,
              LayoutReport& report) {
    if (parent.child(name) != nullptr)
        throw Error(ErrorKind::internal, concat("the layout has left something at ", quoted(name)));
    parent.set_child(name, Node::symlink(store_link(target, 0, 0), target));
    ++report.added;
}

void add_moves(LayoutReport& report, TreeMove& move) {
    report.notes.insert(report.notes.end(), move.notes().begin(), move.notes().end());
    report.dropped += move.gave_way();
}

void merge_usr(Node& root, const StoreLink& store_link, LayoutReport& report, ImageBudget& budget) {
    check_top(root);
    for (const std::string_view name : {"usr", "etc"}) {
        if (root.child(name) == nullptr) root.set_child(name, Node::directory());
    }
    const Resolved etc = look_up(root, "usr/etc", LastLink::follow, budget);
    if (etc.canonical != "usr/etc" && etc.canonical != "etc") {
        throw Error(ErrorKind::invalid, "'/usr/etc' is a link to another directory than /etc")
            .hint("ostree keeps the files of /etc there; remove the link, or import with --layout plain");
    }
    TreeMove move(root, store_link, budget);
    const std::vector<std::string_view> merged = plan_merged(root, move);
    // In the running system, the files of /usr/etc are in /etc.
    move.plan("etc", "usr/etc", "etc");
    move.apply();
    add_moves(report, move);
    for (const std::string_view name : merged) add_link(root, name, store_link, concat("usr/", name), report);
}

void merge_bin_and_lib(Node& root, const StoreLink& store_link, LayoutReport& report, ImageBudget& budget) {
    check_top(root);
    if (root.child("usr") == nullptr) root.set_child("usr", Node::directory());
    TreeMove move(root, store_link, budget);
    plan_merged(root, move);
    move.apply();
    add_moves(report, move);
}

LayoutReport make_bootable(Node& root, const StoreLink& store_link, ImageBudget& budget) {
    LayoutReport report;
    const std::size_t before = count_below(root).files;
    drop_etc_link(root, report, budget);
    check_top(root);
    drop_runtime_content(root, report);
    // Place state before merging /usr: links through /root or /home must be resolved while /etc and /lib are
    // at their original places.
    place_state(root, store_link, report, budget);
    merge_usr(root, store_link, report, budget);
    place_kernel(root, report, budget);
    if (const Node* const ostree = root.child("ostree"); ostree != nullptr) {
        if (!ostree->is_symlink()) {
            report.notes.push_back(
                concat("/ostree: ", ostree->is_directory() ? describe(count_below(*ostree)) : "the file",
                       " dropped; it belongs to the deployed system"));
        }
        drop(report, *ostree);
        root.remove_child("ostree");
    }
    add_link(root, "ostree", store_link, "sysroot/ostree", report);
    if ((root.mode & kPublic) != kPublic) {
        report.warnings.push_back(concat("the root directory has the mode ", octal(root.mode),
                                         ", so only root can use the system; import keeps it"));
    }
    if (!has_init(root, budget))
        report.warnings.emplace_back("no init: /sbin/init is missing, so the system cannot start");
    if (count_below(root).files + report.dropped != before + report.added)
        throw Error(ErrorKind::internal, "files were lost in the bootable layout");
    return report;
}

}  // namespace osb::ostree

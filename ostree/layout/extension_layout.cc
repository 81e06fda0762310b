#include "ostree/layout/extension_layout.hh"

#include <string>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::ostree {
namespace {

constexpr std::uint32_t kUsrMode = 0755;

// Directories and files of the image's build and of empty systems need no note.
void drop_entry(Node& parent, std::string_view name, std::string_view path, LayoutReport& report) {
    const Node& node = *parent.child(name);
    const TreeCount count = node.is_directory() ? count_below(node) : TreeCount{.files = 1};
    if (count.files > 0)
        report.notes.push_back(
            concat('/', escape(path), ": ", describe(count), " dropped; an extension has only /usr"));
    report.dropped += count_files(node);
    parent.remove_child(name);
}

}  // namespace

LayoutReport make_extension(Node& root, const StoreLink& store_link, ImageBudget& budget) {
    LayoutReport report;
    merge_bin_and_lib(root, store_link, report, budget);
    std::vector<std::string> others;
    for (const auto& [name, node] : root.children()) {
        if (name != "usr") others.push_back(name);
    }
    for (const std::string& name : others) drop_entry(root, name, name, report);
    Node& usr = *root.child("usr");
    for (const std::string_view name : {"etc", "local"}) {
        if (usr.child(name) != nullptr) drop_entry(usr, name, concat("usr/", name), report);
    }
    if (count_below(usr).files == 0) throw Error(ErrorKind::invalid, "the image has no files in /usr");
    root.mode = kUsrMode;
    root.uid = root.gid = 0;
    root.xattrs.clear();
    usr.mode = kUsrMode;
    usr.uid = usr.gid = 0;
    usr.xattrs.clear();
    return report;
}

}  // namespace osb::ostree

#include "image/install/installed_record.hh"

#include <optional>
#include <utility>

#include "base/bytes.hh"

namespace osb::image {
namespace {

bool same_inode(const Inode& a, const Inode& b) {
    const Attributes& x = a.attributes;
    const Attributes& y = b.attributes;
    return a.kind == b.kind && x.mode == y.mode && x.uid == y.uid && x.gid == y.gid && x.xattrs == y.xattrs &&
           a.content.is_object == b.content.is_object && a.content.object == b.content.object &&
           a.content.bytes == b.content.bytes;
}

const Inode* find_listed(const std::map<std::string, Inode>& listing, const std::string& path) {
    const auto found = listing.find(path);
    return found == listing.end() ? nullptr : &found->second;
}

}  // namespace

InstalledRecord::InstalledRecord(const SysrootLayout& layout)
    : etc_(list(layout.root, layout.etc)), var_(list(layout.root, layout.var)) {}

InstalledRecord::Listing InstalledRecord::list(const FileTree& tree, InodeId directory) {
    Listing out;
    std::vector<std::pair<std::string, InodeId>> rest{{"", directory}};
    while (!rest.empty()) {
        const auto [path, id] = rest.back();
        rest.pop_back();
        const Inode& inode = tree.inode(id);
        for (const auto& [name, child] : inode.children)
            rest.emplace_back(path.empty() ? name : concat(path, '/', name), child);
        Inode copy = inode;
        copy.children.clear();
        out.emplace(path, std::move(copy));
    }
    return out;
}

// Adds the entry and the directories above it, unless they are there.
void InstalledRecord::copy(FileTree& tree, InodeId to, const Listing& from, const std::string& path) {
    for (std::size_t at = 0;;) {
        const std::size_t slash = path.find('/', at);
        const std::string name = path.substr(at, slash - at);
        const Inode& inode = from.at(path.substr(0, slash));
        const std::optional<InodeId> present = tree.child(to, name);
        if (present) {
            to = *present;
        } else if (inode.kind == InodeKind::directory) {
            to = tree.add_directory(to, name, inode.attributes);
        } else if (inode.kind == InodeKind::symlink) {
            to = tree.add_symlink(to, name, inode.attributes, inode.content.bytes);
        } else {
            to = tree.add_file(to, name, inode.attributes, inode.content);
        }
        if (slash == std::string::npos) return;
        at = slash + 1;
    }
}

void InstalledRecord::add_to(SysrootLayout& layout, std::int64_t time) const {
    FileTree& tree = layout.root;
    const Listing etc = list(tree, layout.etc);
    const Listing var = list(tree, layout.var);
    const std::string directory = kInstalledDirectory;
    const std::size_t slash = directory.rfind('/');
    const InodeId state = tree.make_directories(directory.substr(0, slash), {.mode = 0755, .mtime = time});
    const InodeId top = tree.add_directory(state, directory.substr(slash + 1), {.mode = 0700, .mtime = time});
    const InodeId before = tree.add_directory(top, kInstalledDefaultEtc, etc_.at("").attributes);
    const InodeId after = tree.add_directory(top, kInstalledEtc, etc.at("").attributes);
    const InodeId added = tree.add_directory(top, kInstalledVar, var.at("").attributes);
    // The directories above a new entry are on both sides, so that they do not count as changes.
    const auto copy_both = [&](const std::string& path) {
        if (etc.contains(path)) copy(tree, after, etc, path);
        std::string known = path;
        while (!known.empty() && !etc_.contains(known))
            known.resize(known.find('/') == std::string::npos ? 0 : known.rfind('/'));
        if (!known.empty()) copy(tree, before, etc_, known);
    };
    for (const auto& [path, inode] : etc) {
        const Inode* old = find_listed(etc_, path);
        if (old == nullptr || !same_inode(*old, inode)) copy_both(path);
    }
    for (const auto& [path, inode] : etc_) {
        if (!etc.contains(path)) {
            copy_both(path);
            // Its directory remains, so that the entry counts as removed.
            const std::size_t end = path.rfind('/');
            if (end != std::string::npos && etc.contains(path.substr(0, end)))
                copy(tree, after, etc, path.substr(0, end));
        }
    }
    for (const auto& [path, inode] : var) {
        const Inode* old = find_listed(var_, path);
        if (old == nullptr || !same_inode(*old, inode)) copy(tree, added, var, path);
    }
}

}  // namespace osb::image

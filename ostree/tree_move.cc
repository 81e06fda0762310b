#include "ostree/tree_move.hh"

#include <algorithm>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::ostree {
namespace {

std::string join(std::string_view directory, std::string_view name) {
    return directory.empty() ? std::string(name) : concat(directory, '/', name);
}

std::string join(const std::vector<std::string_view>& parts) {
    std::string out;
    for (const std::string_view part : parts) out = join(out, part);
    return out;
}

std::string_view parent_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

// Where a path leads, links in it and the last one followed; "" for nowhere and for loops.
std::string leads_to(Node& root, std::string_view path, LastLink last) {
    try {
        Resolved found = resolve(root, path, last);
        return found.node == nullptr ? std::string{} : std::move(found.canonical);
    } catch (const Error&) {
        return {};  // a loop leads nowhere; that is no fault of the one who asks
    }
}

// The path that a relative link's text spells, '..' taken by the letter; and how far up it went on the way.
struct Spelled {
    std::vector<std::string_view> path;
    std::size_t lowest = 0;
};

Spelled spell(std::string_view directory, std::string_view target) {
    Spelled out;
    out.path = split_path(directory);
    out.lowest = out.path.size();
    for (const std::string_view part : split_path(target)) {
        if (part != "..") {
            out.path.push_back(part);
        } else if (!out.path.empty()) {
            out.path.pop_back();
        }
        out.lowest = std::min(out.lowest, out.path.size());
    }
    return out;
}

}  // namespace

std::string relocate_target(Node& root, std::string_view target, std::string_view old_dir,
                            std::string_view new_dir, std::string_view old_root) {
    if (target.starts_with('/')) return std::string(target);
    const Spelled spelled = spell(old_dir, target);
    if (spelled.lowest >= split_path(old_root).size()) return std::string(target);
    std::string path = join(spelled.path);
    // A '..' behind a link does not lead to where it is spelled: take the place that is reached in truth.
    const std::string real = leads_to(root, concat(old_dir, '/', target), LastLink::keep);
    if (!real.empty() && real != leads_to(root, path, LastLink::keep)) path = real;
    std::string out;
    for (std::size_t depth = split_path(new_dir).size(); depth > 0; --depth) out += "../";
    out += path;
    if (out.ends_with('/')) out.pop_back();
    return out.empty() ? "." : out;
}

void TreeMove::plan(std::string_view from, std::string_view to, std::string_view lives_at) {
    Node* const source = resolve(root_, from, LastLink::keep).node;
    if (source == nullptr || !source->is_directory()) return;
    const std::string from_path(from);
    const std::string to_path(to);
    moves_.push_back({from_path, to_path, std::string(lives_at.empty() ? to : lives_at)});
    if (moves_.back().lives_at != from_path)
        relocate_links(*source, from_path, moves_.back().lives_at, from_path);
    const Node* const target = resolve(root_, to, LastLink::keep).node;
    if (target == nullptr) return;
    if (!target->is_directory()) {
        throw Error(ErrorKind::invalid, concat(quoted('/' + from_path), " is to move to ",
                                               quoted('/' + to_path), ", which is not a directory"));
    }
    plan_merge(*source, from_path, *target, to_path);
}

void TreeMove::relocate_links(Node& node, const std::string& old_path, const std::string& new_path,
                              const std::string& old_root) {
    for (auto& [name, child] : node.children()) {
        if (child.is_directory()) {
            relocate_links(child, join(old_path, name), join(new_path, name), old_root);
        } else if (child.is_symlink()) {
            std::string target = relocate_target(root_, child.target, old_path, new_path, old_root);
            if (target != child.target) new_targets_.emplace(join(old_path, name), std::move(target));
        }
    }
}

void TreeMove::plan_merge(const Node& from, const std::string& from_path, const Node& to,
                          const std::string& to_path) {
    for (const auto& [name, child] : from.children()) {
        const Node* const other = to.child(name);
        if (other == nullptr) continue;
        const std::string child_path = join(from_path, name);
        const std::string other_path = join(to_path, name);
        if (child.is_directory() && other->is_directory()) {
            plan_merge(child, child_path, *other, other_path);
        } else {
            choices_.emplace(child_path, choose(child, child_path, *other, other_path));
        }
    }
}

TreeMove::Keep TreeMove::choose(const Node& from, const std::string& from_path, const Node& to,
                                const std::string& to_path) {
    if (!from.is_directory() && !to.is_directory() && from.checksum == to.checksum) return Keep::to;
    const std::string from_end = leads_to(root_, from_path, LastLink::follow);
    const std::string to_end = leads_to(root_, to_path, LastLink::follow);
    if (!from_end.empty() && from_end == to_end) {
        if (!from.is_symlink()) return Keep::from;
        if (!to.is_symlink()) return Keep::to;
        // Two links to one file. One that leads there through the other would lead to itself afterwards.
        const std::string next = leads_to(root_, concat(parent_of(to_path), '/', to.target), LastLink::keep);
        const bool through_other = to.target.starts_with('/')
                                       ? leads_to(root_, to.target, LastLink::keep) == from_path
                                       : next == from_path;
        return through_other ? Keep::from : Keep::to;
    }
    throw Error(ErrorKind::invalid, concat("two different files for one place: ", quoted('/' + from_path),
                                           " and ", quoted('/' + to_path)))
        .hint("remove one of them in the Containerfile, or import with --layout plain");
}

void TreeMove::apply() {
    for (const Move& move : moves_) {
        Node& old_parent = *resolve(root_, parent_of(move.from), LastLink::keep).node;
        const std::string name =
            move.from.substr(parent_of(move.from).empty() ? 0 : parent_of(move.from).size() + 1);
        Node moved = std::move(*old_parent.child(name));
        old_parent.remove_child(name);
        Node& new_parent = make_directories(root_, parent_of(move.to));
        const std::string new_name =
            move.to.substr(parent_of(move.to).empty() ? 0 : parent_of(move.to).size() + 1);
        Node* target = new_parent.child(new_name);
        if (target == nullptr) {
            // Merged into an empty directory with the same metadata, so that links are rewritten on one way
            // only.
            Node empty = Node::directory(moved.mode, moved.uid, moved.gid);
            empty.xattrs = moved.xattrs;
            target = &new_parent.set_child(new_name, std::move(empty));
        }
        merge(moved, move.from, *target);
    }
}

// Whether what moves takes the place of `other`.
bool TreeMove::chosen(std::map<std::string, Keep>::const_iterator choice, const Node& from,
                      const std::string& from_path, const Node& other) const {
    if (choice != choices_.end()) return choice->second == Keep::from;
    // `other` came with an earlier move, so nothing was planned for the two.
    if (!from.is_directory() && !other.is_directory() && from.checksum == other.checksum) return false;
    throw Error(ErrorKind::invalid, concat("two different files for one place: ", quoted('/' + from_path),
                                           " and one that moved there before it"))
        .hint("remove one of them in the Containerfile, or import with --layout plain");
}

void TreeMove::merge(Node& from, const std::string& from_path, Node& to) {
    for (auto& [name, child] : from.children()) {
        const std::string path = join(from_path, name);
        if (const auto target = new_targets_.find(path); target != new_targets_.end()) {
            const Sha256 checksum = store_link_(target->second, child.uid, child.gid);
            child = Node::symlink(checksum, target->second, child.uid, child.gid);
        }
        Node* const other = to.child(name);
        if (child.is_directory() && (other == nullptr || other->is_directory())) {
            Node empty = Node::directory(child.mode, child.uid, child.gid);
            empty.xattrs = child.xattrs;
            merge(child, path, other == nullptr ? to.set_child(name, std::move(empty)) : *other);
        } else if (const auto choice = choices_.find(path);
                   other == nullptr || chosen(choice, child, path, *other)) {
            if (child.is_directory()) {
                Node& replaced = to.set_child(name, Node::directory(child.mode, child.uid, child.gid));
                replaced.xattrs = child.xattrs;
                merge(child, path, replaced);
            } else {
                to.set_child(name, std::move(child));
            }
        }
    }
}

}  // namespace osb::ostree

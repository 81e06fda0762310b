#include "ostree/tree_move.hh"

#include <algorithm>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"

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

std::string_view name_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// Whether `path` is `directory` or below it.
bool is_within(std::string_view path, std::string_view directory) {
    return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string up(std::size_t depth) {
    std::string out;
    for (; depth > 0; --depth) out += "../";
    return out;
}

Error two_files(std::string_view from, std::string_view to) {
    return Error(ErrorKind::invalid, concat("two different files for one place: ", quoted(concat('/', from)),
                                            " and ", quoted(concat('/', to))))
        .hint("remove one of them in the Containerfile, or import with --layout plain");
}

Node empty_copy(const Node& directory) {
    Node out = Node::directory(directory.mode, directory.uid, directory.gid);
    out.xattrs = directory.xattrs;
    return out;
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
    std::string out = up(split_path(new_dir).size()) + path;
    if (out.ends_with('/')) out.pop_back();
    return out.empty() ? "." : out;
}

void TreeMove::plan(std::string_view from, std::string_view to, std::string_view lives_at) {
    Node* const source = resolve(root_, from, LastLink::keep).node;
    if (source == nullptr || !source->is_directory()) return;
    const std::string from_path(from);
    const std::string to_path = place_of(from_path, std::string(to));
    const bool elsewhere = to_path != to;
    moves_.push_back({from_path, to_path, lives_at.empty() || elsewhere ? to_path : std::string(lives_at)});
    if (moves_.back().lives_at != from_path) {
        relocate_links(*source, from_path, moves_.back().lives_at, from_path);
    }
    const Node* const target = resolve(root_, to_path, LastLink::keep).node;
    if (target != nullptr && target->is_directory()) plan_merge(*source, from_path, *target, to_path);
}

// Where `from` is to move in truth: a link at `to` that leads to `from` gives way, one that leads to another
// directory near by is followed (/usr/sbin -> bin).
std::string TreeMove::place_of(const std::string& from, const std::string& to) const {
    const Node* const target = resolve(root_, to, LastLink::keep).node;
    if (target == nullptr || target->is_directory()) return to;
    if (!target->is_symlink()) throw two_files(from, to);
    std::string end = leads_to(root_, to, LastLink::follow);
    if (end == from) return to;
    const bool near = !end.empty() && split_path(end).front() == split_path(to).front();
    if (!near || !resolve(root_, end, LastLink::keep).node->is_directory()) throw two_files(from, to);
    return end;
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

// A link that does not move, but goes through what does and then up again: it would come out elsewhere. Such
// a one is made to lead straight to its end.
void TreeMove::straighten_links(Node& directory, const std::string& path) {
    for (auto& [name, child] : directory.children()) {
        const std::string child_path = join(path, name);
        if (child.is_directory()) {
            const auto moves_here = [&](const Move& move) { return move.from == child_path; };
            if (std::none_of(moves_.begin(), moves_.end(), moves_here)) straighten_links(child, child_path);
        } else if (child.is_symlink() && climbs_out_of_a_move(child.target, path)) {
            const bool absolute = child.target.starts_with('/');
            const std::string end =
                leads_to(root_, absolute ? child.target : concat(path, '/', child.target), LastLink::keep);
            if (end.empty()) continue;
            const std::string target = up(split_path(path).size()) + end;
            child = Node::symlink(store_link_(target, child.uid, child.gid), target, child.uid, child.gid);
        }
    }
}

bool TreeMove::climbs_out_of_a_move(std::string_view target, const std::string& directory) const {
    std::string walked = target.starts_with('/') ? std::string{} : directory;
    bool went_down = false;
    for (const std::string_view part : split_path(target)) {
        if (part == ".." && went_down) {
            const std::string here = leads_to(root_, walked, LastLink::follow);
            for (const Move& move : moves_) {
                if (!here.empty() && is_within(here, move.from)) return true;
            }
        }
        went_down = went_down || part != "..";
        walked = join(walked, part);
    }
    return false;
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
    throw two_files(from_path, to_path);
}

void TreeMove::apply() {
    straighten_links(root_, {});
    for (const Move& move : moves_) {
        Node& old_parent = *resolve(root_, parent_of(move.from), LastLink::keep).node;
        Node moved = std::move(*old_parent.child(name_of(move.from)));
        old_parent.remove_child(name_of(move.from));
        Node& new_parent = make_directories(root_, parent_of(move.to));
        Node* target = new_parent.child(name_of(move.to));
        // Merged into an empty directory with the same metadata, so that links are rewritten on one way only.
        if (target == nullptr || !target->is_directory()) {
            target = &new_parent.set_child(name_of(move.to), empty_copy(moved));
        }
        merge(moved, move.from, *target, move.to);
    }
}

void TreeMove::merge(Node& from, const std::string& from_path, Node& to, const std::string& to_path) {
    check_interrupt();
    if (from.mode != to.mode || from.uid != to.uid || from.gid != to.gid) {
        notes_.push_back(concat("/", escape(from_path), ": merged into /", escape(to_path),
                                ", whose mode and owner are kept"));
    }
    for (auto& [name, child] : from.children()) {
        const std::string path = join(from_path, name);
        if (const auto target = new_targets_.find(path); target != new_targets_.end()) {
            const Sha256 checksum = store_link_(target->second, child.uid, child.gid);
            child = Node::symlink(checksum, target->second, child.uid, child.gid);
        }
        Node* other = to.child(name);
        const bool both_directories = child.is_directory() && other != nullptr && other->is_directory();
        if (other != nullptr && !both_directories &&
            !takes_place_of(child, path, *other, join(to_path, name)))
            continue;
        if (!child.is_directory()) {
            to.set_child(name, std::move(child));
            continue;
        }
        if (!both_directories) other = &to.set_child(name, empty_copy(child));
        merge(child, path, *other, join(to_path, name));
    }
}

// Whether what moves takes the place of `other`.
bool TreeMove::takes_place_of(const Node& from, const std::string& from_path, const Node& other,
                              const std::string& other_path) const {
    const auto choice = choices_.find(from_path);
    if (choice != choices_.end()) return choice->second == Keep::from;
    // `other` came with an earlier move, so nothing was planned for the two.
    if (!from.is_directory() && !other.is_directory() && from.checksum == other.checksum) return false;
    throw two_files(from_path, other_path);
}

}  // namespace osb::ostree

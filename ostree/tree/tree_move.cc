#include "ostree/tree/tree_move.hh"

#include <algorithm>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kMapOverhead = 128;  // of two strings in a map

std::string join(const std::vector<std::string_view>& parts) {
    std::string out;
    for (const std::string_view part : parts) out = join_path(out, part);
    return out;
}

std::string_view parent_path(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? std::string_view{} : path.substr(0, slash);
}

std::string_view name_of(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    return slash == std::string_view::npos ? path : path.substr(slash + 1);
}

// True if `path` is `directory` or below it.
bool is_within(std::string_view path, std::string_view directory) {
    return path.starts_with(directory) && (path.size() == directory.size() || path[directory.size()] == '/');
}

std::string up(std::size_t depth) {
    std::string out;
    for (; depth > 0; --depth) out += "../";
    return out;
}

// The text of a link to `path` (from the root), in a directory at depth `depth`.
std::string text_to(std::size_t depth, std::string_view path) {
    std::string out = up(depth) + std::string(path);
    if (out.ends_with('/')) out.pop_back();
    return out.empty() ? "." : out;
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

// The lexically resolved path of a relative link, and the lowest depth on the way.
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

void TreeMove::plan(std::string_view from, std::string_view to, std::string_view lives_at) {
    const Resolved source = end_of(from, LastLink::keep);
    if (source.node == nullptr || !source.node->is_directory()) return;
    // Parents of the destination may be links. place_of() checks the destination itself.
    make_directories(root_, parent_path(to), budget_);
    const Resolved parent = end_of(parent_path(to), LastLink::follow);
    if (parent.node == nullptr) {
        throw Error(ErrorKind::invalid,
                    concat(quoted(concat('/', parent_path(to))), " contains a missing directory"));
    }
    const std::string wanted = join_path(parent.canonical, name_of(to));
    const std::string place = place_of(source.canonical, wanted);
    const bool as_planned = place == to;
    moves_.push_back(
        {source.canonical, place, as_planned && !lives_at.empty() ? std::string(lives_at) : place});
    check_nesting(moves_.back());
    const Node* const target = end_of(place, LastLink::keep).node;
    if (target != nullptr && target->is_directory())
        plan_merge(*source.node, source.canonical, *target, place);
}

// A moved directory must not contain another move's source or destination: it would be lost, or moved twice.
void TreeMove::check_nesting(const Move& move) const {
    for (const Move& other : moves_) {
        const bool nested =
            is_within(move.to, other.from) || is_within(other.to, move.from) ||
            (&other != &move && (is_within(move.from, other.from) || is_within(other.from, move.from)));
        if (!nested) continue;
        throw Error(ErrorKind::invalid,
                    concat(quoted(concat('/', move.from)), " cannot move to ", quoted(concat('/', move.to)),
                           ", which is in ", quoted(concat('/', other.from)), ", which moves too"))
            .hint("replace the link on that path by a directory, or import with --layout plain");
    }
}

// The actual destination of `from`. A link at `to` that points to `from` is replaced. A link to another
// directory nearby is followed (/usr/sbin -> bin).
std::string TreeMove::place_of(const std::string& from, const std::string& to) const {
    const Node* const target = end_of(to, LastLink::keep).node;
    if (target == nullptr || target->is_directory()) return to;
    if (!target->is_symlink()) throw two_files(from, to);
    const Resolved end = end_of(to, LastLink::follow);
    if (end.node == nullptr) throw two_files(from, to);
    if (end.canonical == from) return to;
    const bool near = !end.canonical.empty() && split_path(end.canonical).front() == split_path(to).front();
    if (!near || !end.node->is_directory()) throw two_files(from, to);
    return end.canonical;
}

// The new text of a link in directory `old_dir` that moves with the subtree `old_root` to `new_dir`. It is
// unchanged if the link is absolute or stays inside the subtree; otherwise it still points to the same node.
std::string TreeMove::relocated(std::string_view target, const std::string& old_dir,
                                const std::string& new_dir, const std::string& old_root) const {
    const bool absolute = target.starts_with('/');
    const std::string whole = absolute ? std::string(target) : concat(old_dir, '/', target);
    const Spelled spelled = spell(old_dir, target);
    const bool climbs = climbs_out_of_a_move(target, old_dir);
    if (!climbs && (absolute || spelled.lowest >= split_path(old_root).size())) return std::string(target);
    std::string path = join(spelled.path);
    // After a link, '..' does not lead to the lexical path. Use the node that is actually reached.
    const Resolved real = end_of(whole, LastLink::keep);
    if (real.node != nullptr) {
        const Resolved as_spelled = end_of(path, LastLink::keep);
        if (climbs || absolute || as_spelled.node != real.node) path = real.canonical;
    } else if (absolute) {
        return std::string(target);
    }
    return text_to(split_path(new_dir).size(), path);
}

bool TreeMove::is_moved(const std::string& path) const {
    return std::any_of(moves_.begin(), moves_.end(), [&](const Move& move) { return move.from == path; });
}

void TreeMove::plan_links() {
    for (const Move& move : moves_) {
        plan_moved_links(*end_of(move.from, LastLink::keep).node, move.from, move.lives_at, move.from);
    }
    straighten_links(root_, {});
}

void TreeMove::plan_moved_links(const Node& directory, const std::string& old_path,
                                const std::string& new_path, const std::string& old_root) {
    budget_.take_steps();
    for (const auto& [name, child] : directory.children()) {
        if (child.is_directory()) {
            plan_moved_links(child, join_path(old_path, name), join_path(new_path, name), old_root);
        } else if (child.is_symlink()) {
            std::string target = new_path == old_path && !climbs_out_of_a_move(child.target, old_path)
                                     ? child.target
                                     : relocated(child.target, old_path, new_path, old_root);
            if (target == child.target) continue;
            std::string path = join_path(old_path, name);
            budget_.keep(path.size() + target.size() + kMapOverhead);
            new_targets_.emplace(std::move(path), std::move(target));
        }
    }
}

// A link that does not move may go through a moved directory and then up again, so its target would change.
// This replaces its text by the direct path of its target.
void TreeMove::straighten_links(Node& directory, const std::string& path) {
    budget_.take_steps();
    for (auto& [name, child] : directory.children()) {
        const std::string child_path = join_path(path, name);
        if (child.is_directory()) {
            if (!is_moved(child_path)) straighten_links(child, child_path);
        } else if (child.is_symlink() && climbs_out_of_a_move(child.target, path)) {
            const bool absolute = child.target.starts_with('/');
            const Resolved end =
                end_of(absolute ? child.target : concat(path, '/', child.target), LastLink::keep);
            if (end.node == nullptr) continue;
            const std::string target = text_to(split_path(path).size(), end.canonical);
            budget_.keep(target.size());
            child = Node::symlink(store_link_(target, child.uid, child.gid), target, child.uid, child.gid);
        }
    }
}

bool TreeMove::climbs_out_of_a_move(std::string_view target, const std::string& directory) const {
    return goes_up_from(
        root_, directory, target, [this](const std::string& path) { return is_moved(path); }, budget_);
}

void TreeMove::plan_merge(const Node& from, const std::string& from_path, const Node& to,
                          const std::string& to_path) {
    budget_.take_steps();
    for (const auto& [name, child] : from.children()) {
        const Node* const other = to.child(name);
        if (other == nullptr) continue;
        const std::string child_path = join_path(from_path, name);
        const std::string other_path = join_path(to_path, name);
        if (child.is_directory() && other->is_directory()) {
            plan_merge(child, child_path, *other, other_path);
        } else {
            budget_.keep(child_path.size() + kMapOverhead);
            choices_.emplace(child_path, choose(child, child_path, *other, other_path));
        }
    }
}

TreeMove::Keep TreeMove::choose(const Node& from, const std::string& from_path, const Node& to,
                                const std::string& to_path) const {
    const bool same = !from.is_directory() && !to.is_directory() && from.checksum == to.checksum;
    if (same && (from.is_file() || next_place(from_path, from) == next_place(to_path, to))) return Keep::to;
    const Resolved from_end = end_of(from_path, LastLink::follow);
    const Resolved to_end = end_of(to_path, LastLink::follow);
    if (from_end.node == nullptr || from_end.node != to_end.node) throw two_files(from_path, to_path);
    // Keep the link that is nearer to the common target. So each kept link points to a nearer node, and none
    // to itself.
    return from_end.links < to_end.links ? Keep::from : Keep::to;
}

// The target of a link after all planned moves. The same text may have different targets in two places.
std::string TreeMove::next_place(const std::string& path, const Node& link) const {
    const std::string_view target = link.target;
    std::string place =
        end_of(target.starts_with('/') ? std::string(target) : concat(parent_path(path), '/', target),
               LastLink::keep)
            .canonical;
    for (const Move& move : moves_) {
        if (is_within(place, move.from))
            return concat(move.to, std::string_view(place).substr(move.from.size()));
    }
    return place;
}

void TreeMove::apply() {
    const std::size_t before = count_below(root_).files;
    plan_links();
    for (const Move& move : moves_) carry_out(move);
    if (count_below(root_).files + gave_way_ != before)
        throw Error(ErrorKind::internal, "files were lost when directories moved");
}

void TreeMove::carry_out(const Move& move) {
    Node* const old_parent = end_of(parent_path(move.from), LastLink::keep).node;
    Node* const source = old_parent == nullptr ? nullptr : old_parent->child(name_of(move.from));
    if (source == nullptr || !source->is_directory())
        throw Error(ErrorKind::internal, concat(quoted(move.from), " moved before its time"));
    Node moved = std::move(*source);
    old_parent->remove_child(name_of(move.from));
    Node& new_parent = make_directories(root_, parent_path(move.to), budget_);
    Node* target = new_parent.child(name_of(move.to));
    // Merge into an empty directory with the same metadata, so that only one code path rewrites links.
    if (target == nullptr || !target->is_directory()) {
        if (target != nullptr) ++gave_way_;
        target = &new_parent.set_child(name_of(move.to), empty_copy(moved));
    }
    merge(moved, move.from, *target, move.to);
}

void TreeMove::merge(Node& from, const std::string& from_path, Node& to, const std::string& to_path) {
    check_interrupt();
    if (from.mode != to.mode || from.uid != to.uid || from.gid != to.gid) {
        notes_.push_back(concat("/", escape(from_path), ": merged into /", escape(to_path),
                                ", whose mode and owner are kept"));
    }
    for (auto& [name, child] : from.children()) {
        const std::string path = join_path(from_path, name);
        if (const auto target = new_targets_.find(path); target != new_targets_.end()) {
            const Sha256 checksum = store_link_(target->second, child.uid, child.gid);
            child = Node::symlink(checksum, target->second, child.uid, child.gid);
        }
        Node* other = to.child(name);
        const bool both_directories = child.is_directory() && other != nullptr && other->is_directory();
        if (other != nullptr && !both_directories) {
            ++gave_way_;
            if (!takes_place_of(child, path, *other, join_path(to_path, name))) continue;
        }
        if (!child.is_directory()) {
            to.set_child(name, std::move(child));
            continue;
        }
        if (!both_directories) other = &to.set_child(name, empty_copy(child));
        merge(child, path, *other, join_path(to_path, name));
    }
}

// True if the moved node replaces `other`.
bool TreeMove::takes_place_of(const Node& from, const std::string& from_path, const Node& other,
                              const std::string& other_path) const {
    const auto choice = choices_.find(from_path);
    if (choice != choices_.end()) return choice->second == Keep::from;
    // `other` is the result of an earlier move, so there is no planned choice.
    if (!from.is_directory() && !other.is_directory() && from.checksum == other.checksum) return false;
    throw two_files(from_path, other_path);
}

}  // namespace osb::ostree

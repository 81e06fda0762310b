#include "ostree/tree/tree.hh"

#include <algorithm>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"

namespace osb::ostree {
namespace {

constexpr unsigned kMaxLinks = 40;       // as in Linux
constexpr std::size_t kMaxSteps = 4096;  // components of one path, including those of links on the way

// Removes the first component of a path and returns it; "" at its end. Skips slashes and ".".
std::string_view take_front(std::string_view& path) {
    for (;;) {
        const std::size_t begin = path.find_first_not_of('/');
        if (begin == std::string_view::npos) {
            path = {};
            return {};
        }
        path.remove_prefix(begin);
        const std::string_view part = path.substr(0, path.find('/'));
        path.remove_prefix(part.size());
        if (part != ".") return part;
    }
}

enum class End { found, missing, loop, too_long };

// The state of a walk: the directories from the root to the current one, and the remaining text.
class Walk {
  public:
    Walk(Node& root, std::string_view path, ImageBudget& budget)
        : budget_(budget), stack_{{&root, 0}}, rest_{path} {}

    // The next component of the path; "" at its end.
    std::string_view next() {
        std::string_view part;
        while (!rest_.empty() && (part = take_front(rest_.back())).empty()) rest_.pop_back();
        if (part.empty()) return part;
        budget_.take_steps();
        ++steps_;
        return part;
    }

    // True if no components remain.
    bool at_end() const {
        return std::all_of(rest_.begin(), rest_.end(),
                           [](std::string_view text) { return take_front(text).empty(); });
    }

    // Limits the cost of links through links.
    bool is_too_long() const noexcept { return steps_ > kMaxSteps; }

    Node& here() { return *stack_.back().node; }
    std::size_t depth() const noexcept { return stack_.size(); }
    // True if the last component from next() is part of the path itself, not of a link on the way.
    bool is_literal() const noexcept { return rest_.size() == 1; }
    // The length of the path after that component.
    std::size_t left_of_path() const { return rest_.front().size(); }
    // Continues with another path from the current directory.
    void go_on(std::string_view path) { rest_.assign(1, path); }
    void to_root() {
        stack_.resize(1, stack_.front());
        canonical_.clear();
    }

    void up() {
        if (stack_.size() > 1) stack_.pop_back();
        canonical_.resize(stack_.back().path_length);
    }

    void down(Node& node, std::string_view name) {
        append(name);
        stack_.push_back({&node, canonical_.size()});
    }

    void append(std::string_view name) {
        if (!canonical_.empty()) canonical_ += '/';
        canonical_ += name;
    }

    // Appends the rest of the path after a missing component.
    void append_rest() {
        for (auto text = rest_.rbegin(); text != rest_.rend(); ++text) {
            for (const std::string_view part : split_path(*text)) append(part);
        }
    }

    // Follows a link. Returns false after too many links. The target is resolved in the directory of the
    // link.
    bool follow(const Node& link) {
        if (++links_ > kMaxLinks) return false;
        if (link.target.starts_with('/')) to_root();
        rest_.emplace_back(link.target);
        return true;
    }

    const std::string& canonical() const noexcept { return canonical_; }

    Resolved result(Node* node) { return {node, std::move(canonical_), links_}; }

  private:
    struct Step {
        Node* node;
        std::size_t path_length;  // of the canonical path up to and including this directory
    };
    ImageBudget& budget_;
    std::vector<Step> stack_;
    std::string canonical_;
    std::vector<std::string_view> rest_;  // the last element is walked first
    unsigned links_ = 0;
    std::size_t steps_ = 0;
};

[[noreturn]] void fail(End end) {
    if (end == End::loop) {
        throw Error(ErrorKind::invalid,
                    concat("more than ", kMaxLinks, " symbolic links one after the other"));
    }
    throw Error(ErrorKind::too_large,
                concat("a path of more than ", kMaxSteps, " parts, through symbolic links"));
}

// For the kernel, a path with a missing component does not exist, even if ".." follows.
End walk_to_end(Walk& walk, LastLink last, Resolved& out) {
    for (std::string_view name = walk.next(); !name.empty(); name = walk.next()) {
        if (walk.is_too_long()) return End::too_long;
        if (name == "..") {
            walk.up();
            continue;
        }
        Node* const node = walk.here().child(name);
        if (node != nullptr && node->is_directory()) {
            walk.down(*node, name);
            continue;
        }
        const bool at_end = walk.at_end();
        if (node != nullptr && node->is_symlink() && !(at_end && last == LastLink::keep)) {
            if (!walk.follow(*node)) return End::loop;
            continue;
        }
        walk.append(name);
        if (!at_end) walk.append_rest();
        out = walk.result(at_end ? node : nullptr);
        return at_end && node != nullptr ? End::found : End::missing;
    }
    Node& here = walk.here();
    out = walk.result(&here);
    return End::found;
}

// Walks like programs that unpack layers: after a missing component or a file, ".." is resolved lexically.
// `rest` receives the remaining components that are missing or must not be followed.
End walk_by_letter(Walk& walk, LastLink last, std::vector<std::string_view>& rest) {
    for (std::string_view name = walk.next(); !name.empty(); name = walk.next()) {
        if (walk.is_too_long()) return End::too_long;
        if (name == "..") {
            if (rest.empty()) {
                walk.up();
            } else {
                rest.pop_back();
            }
            continue;
        }
        Node* const node = rest.empty() ? walk.here().child(name) : nullptr;
        if (node != nullptr && node->is_directory()) {
            walk.down(*node, name);
        } else if (node != nullptr && node->is_symlink() && !(last == LastLink::keep && walk.at_end())) {
            if (!walk.follow(*node)) return End::loop;
        } else {
            rest.push_back(name);
        }
    }
    return End::found;
}

[[noreturn]] void throw_no_directory(const char* function) {
    throw Error(ErrorKind::internal, concat(function, " of a node that is not a directory"));
}

}  // namespace

Node Node::file(const Sha256& checksum) {
    Node node;
    node.kind = NodeKind::file;
    node.checksum = checksum;
    return node;
}

Node Node::symlink(const Sha256& checksum, std::string_view target, std::uint32_t uid, std::uint32_t gid) {
    Node node;
    node.kind = NodeKind::symlink;
    node.checksum = checksum;
    node.target = target;
    node.uid = uid;
    node.gid = gid;
    return node;
}

Node Node::directory(std::uint32_t mode, std::uint32_t uid, std::uint32_t gid) {
    Node node;
    node.kind = NodeKind::directory;
    node.mode = mode;
    node.uid = uid;
    node.gid = gid;
    node.children_ = std::make_unique<Children>();
    return node;
}

Node Node::special() {
    Node node;
    node.kind = NodeKind::special;
    return node;
}

Children& Node::children() {
    if (!is_directory()) throw_no_directory("children");
    return *children_;
}

const Children& Node::children() const {
    if (!is_directory()) throw_no_directory("children");
    return *children_;
}

Node* Node::child(std::string_view name) {
    if (!is_directory()) return nullptr;
    const auto found = children_->find(name);
    return found == children_->end() ? nullptr : &found->second;
}

const Node* Node::child(std::string_view name) const {
    if (!is_directory()) return nullptr;
    const auto found = children_->find(name);
    return found == children_->end() ? nullptr : &found->second;
}

Node& Node::set_child(std::string_view name, Node node) {
    if (!is_directory()) throw_no_directory("set_child");
    const auto found = children_->find(name);
    if (found == children_->end()) return children_->emplace(name, std::move(node)).first->second;
    found->second = std::move(node);
    return found->second;
}

bool Node::remove_child(std::string_view name) {
    if (!is_directory()) return false;
    const auto found = children_->find(name);
    if (found == children_->end()) return false;
    children_->erase(found);
    return true;
}

std::vector<std::string_view> split_path(std::string_view path) {
    std::vector<std::string_view> parts;
    while (!path.empty()) {
        const std::size_t slash = path.find('/');
        const std::string_view part = path.substr(0, slash);
        if (!part.empty() && part != ".") parts.push_back(part);
        path = slash == std::string_view::npos ? std::string_view{} : path.substr(slash + 1);
    }
    return parts;
}

Resolved resolve(Node& root, std::string_view path, LastLink last, ImageBudget& budget) {
    Walk walk(root, path, budget);
    Resolved out;
    const End end = walk_to_end(walk, last, out);
    if (end == End::loop || end == End::too_long) fail(end);
    return out;
}

Resolved look_up(Node& root, std::string_view path, LastLink last, ImageBudget& budget) {
    Walk walk(root, path, budget);
    Resolved out;
    walk_to_end(walk, last, out);
    return out;
}

std::vector<std::string_view> linked_prefixes(Node& root, std::string_view path, ImageBudget& budget) {
    std::vector<std::string_view> out;
    Walk walk(root, path, budget);
    for (std::string_view name = walk.next(); !name.empty() && !walk.is_too_long(); name = walk.next()) {
        if (name == "..") {
            walk.up();
            continue;
        }
        Node* const node = walk.here().child(name);
        if (node == nullptr || (!node->is_directory() && !node->is_symlink())) break;
        if (node->is_directory()) {
            walk.down(*node, name);
            continue;
        }
        if (walk.is_literal()) out.push_back(path.substr(0, path.size() - walk.left_of_path()));
        if (!walk.follow(*node)) break;
    }
    return out;
}

bool goes_up_from(Node& root, std::string_view directory, std::string_view target,
                  const std::function<bool(const std::string&)>& place, ImageBudget& budget) {
    Walk walk(root, {}, budget);
    for (const std::string_view part : split_path(target.starts_with('/') ? std::string_view{} : directory)) {
        Node* const node = walk.here().child(part);
        if (node == nullptr || !node->is_directory()) return false;
        walk.down(*node, part);
    }
    walk.go_on(target);
    bool went_down = false;
    for (std::string_view name = walk.next(); !name.empty() && !walk.is_too_long(); name = walk.next()) {
        const bool is_literal = walk.is_literal();
        if (name == "..") {
            if (is_literal && went_down && place(walk.canonical())) return true;
            walk.up();
            continue;
        }
        went_down = went_down || is_literal;
        Node* const node = walk.here().child(name);
        if (node == nullptr || (!node->is_directory() && !node->is_symlink())) return false;
        if (node->is_directory()) {
            walk.down(*node, name);
        } else if (!walk.follow(*node)) {
            return false;
        }
    }
    return false;
}

Node* find_place(Node& root, std::string_view path, LastLink last, ImageBudget& budget) {
    Walk walk(root, path, budget);
    std::vector<std::string_view> rest;
    const End end = walk_by_letter(walk, last, rest);
    if (end != End::found) fail(end);
    if (rest.empty()) return &walk.here();
    return rest.size() == 1 ? walk.here().child(rest.front()) : nullptr;
}

Node& make_directories(Node& root, std::string_view path, ImageBudget& budget,
                       const std::function<bool(const std::string&)>& may_replace) {
    Walk walk(root, path, budget);
    std::vector<std::string_view> rest;
    const End end = walk_by_letter(walk, LastLink::follow, rest);
    if (end != End::found) fail(end);
    for (const std::string_view name : rest) {
        if (walk.here().child(name) != nullptr) {
            const std::string file = join_path(walk.canonical(), name);
            if (!may_replace || !may_replace(file))
                throw Error(ErrorKind::invalid, concat(quoted(file), " is a file, not a directory"));
        }
        Node& node = walk.here().set_child(name, Node::directory());
        budget.keep(memory_of(name, node));
        walk.down(node, name);
    }
    if (walk.depth() > kMaxDepth)
        throw Error(ErrorKind::too_large, concat("directories more than ", kMaxDepth, " deep"));
    return walk.here();
}

std::size_t memory_of(std::string_view name, const Node& node) noexcept {
    constexpr std::size_t kMapNode = 4 * sizeof(void*) + sizeof(std::string);
    return kMapNode + sizeof(Node) + name.size() + node.target.size() + node.xattrs.size() +
           (node.is_directory() ? sizeof(Children) : 0);
}

TreeCount count_below(const Node& node) {
    TreeCount count;
    if (!node.is_directory()) return count;
    check_interrupt();
    for (const auto& [name, child] : node.children()) {
        if (!child.is_directory()) {
            ++count.files;
            continue;
        }
        const TreeCount below = count_below(child);
        count.files += below.files;
        count.directories += below.directories + 1;
    }
    return count;
}

std::size_t count_files(const Node& node) {
    return node.is_directory() ? count_below(node).files : 1;
}

std::string describe(const TreeCount& count) {
    return concat(count.files, count.files == 1 ? " file and " : " files and ", count.directories,
                  count.directories == 1 ? " directory" : " directories");
}

}  // namespace osb::ostree

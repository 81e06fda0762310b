#include "ostree/tree.hh"

#include <deque>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"

namespace osb::ostree {
namespace {

constexpr unsigned kMaxLinks = 40;       // as Linux
constexpr std::size_t kMaxSteps = 4096;  // parts of one path, those of links on the way included

// The state of a walk: the directories from the root down to where it is, and the parts still to go.
struct Walk {
    struct Step {
        Node* node;
        std::size_t path_length;  // of `canonical` up to and with this directory
    };
    std::vector<Step> stack;
    std::string canonical;
    std::deque<std::string> rest;
    unsigned links = 0;
    std::size_t steps = 0;

    explicit Walk(Node& root) : stack{{&root, 0}} {}

    Node& here() { return *stack.back().node; }

    // The next part of the path. Bounds what links that lead through links can cost.
    std::string take_part() {
        if (++steps > kMaxSteps) {
            throw Error(ErrorKind::too_large,
                        concat("a path of more than ", kMaxSteps, " parts, through symbolic links"));
        }
        std::string name = std::move(rest.front());
        rest.pop_front();
        return name;
    }

    void up() {
        if (stack.size() > 1) stack.pop_back();
        canonical.resize(stack.back().path_length);
    }

    void down(Node& node, std::string_view name) {
        append(name);
        stack.push_back({&node, canonical.size()});
    }

    void append(std::string_view name) {
        if (!canonical.empty()) canonical += '/';
        canonical += name;
    }

    void follow(const Node& link) {
        if (++links > kMaxLinks) {
            throw Error(ErrorKind::invalid,
                        concat("more than ", kMaxLinks, " symbolic links one after the other"));
        }
        if (link.target.starts_with('/')) {
            stack.resize(1, stack.front());
            canonical.clear();
        }
        const std::vector<std::string_view> parts = split_path(link.target);
        rest.insert(rest.begin(), parts.begin(), parts.end());
    }
};

Walk start(Node& root, std::string_view path) {
    Walk walk(root);
    for (const std::string_view part : split_path(path)) walk.rest.emplace_back(part);
    return walk;
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
    const auto found = children_->find(name);
    if (found == children_->end()) return children_->emplace(name, std::move(node)).first->second;
    found->second = std::move(node);
    return found->second;
}

bool Node::remove_child(std::string_view name) {
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

Resolved resolve(Node& root, std::string_view path, LastLink last) {
    Walk walk = start(root, path);
    while (!walk.rest.empty()) {
        const std::string name = walk.take_part();
        if (name == "..") {
            walk.up();
            continue;
        }
        Node* const node = walk.here().child(name);
        const bool at_end = walk.rest.empty();
        if (node != nullptr && node->is_symlink() && !(at_end && last == LastLink::keep)) {
            walk.follow(*node);
        } else if (node != nullptr && node->is_directory()) {
            walk.down(*node, name);
        } else {
            walk.append(name);
            if (at_end) return {node, std::move(walk.canonical)};
            for (const std::string& part : walk.rest) walk.append(part);
            return {nullptr, std::move(walk.canonical)};
        }
    }
    return {&walk.here(), std::move(walk.canonical)};
}

Node& make_directories(Node& root, std::string_view path) {
    Walk walk = start(root, path);
    while (!walk.rest.empty()) {
        const std::string name = walk.take_part();
        if (name == "..") {
            walk.up();
            continue;
        }
        Node* node = walk.here().child(name);
        if (node != nullptr && node->is_symlink()) {
            walk.follow(*node);
            continue;
        }
        if (node == nullptr) node = &walk.here().set_child(name, Node::directory());
        if (!node->is_directory()) {
            walk.append(name);
            throw Error(ErrorKind::invalid, concat(quoted(walk.canonical), " is a file, not a directory"));
        }
        walk.down(*node, name);
        if (walk.stack.size() > kMaxDepth) {
            throw Error(ErrorKind::too_large, concat("directories more than ", kMaxDepth, " deep"));
        }
    }
    return walk.here();
}

TreeCount count_below(const Node& node) {
    TreeCount count;
    if (!node.is_directory()) return count;
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

std::string describe(const TreeCount& count) {
    return concat(count.files, count.files == 1 ? " file and " : " files and ", count.directories,
                  count.directories == 1 ? " directory" : " directories");
}

}  // namespace osb::ostree

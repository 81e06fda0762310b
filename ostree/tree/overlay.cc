#include "ostree/tree/overlay.hh"

#include <algorithm>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/tree/layer_path.hh"

namespace osb::ostree {
namespace {

struct SplitName {
    std::string_view parent;
    std::string_view name;
};

SplitName split_name(std::string_view path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string_view::npos) return {{}, path};
    return {path.substr(0, slash), path.substr(slash + 1)};
}

class Overlay {
  public:
    Overlay(Node& root, const Layer& layer, ImageBudget& budget, DirectoryXattrs xattrs)
        : root_(root), layer_(layer), budget_(budget), xattrs_(xattrs) {
        for (const LayerEntry& entry : layer.entries()) {
            if (entry.kind == EntryKind::directory) directories_.insert(entry.path);
        }
    }

    void hide(const LayerEntry& entry) {
        if (entry.kind == EntryKind::whiteout) {
            const SplitName split = split_name(entry.path);
            if (passes_replaced_link(split.parent)) return;
            Node* const parent = find_place(root_, split.parent, LastLink::follow, budget_);
            if (parent != nullptr) parent->remove_child(split.name);
        } else if (entry.kind == EntryKind::opaque) {
            if (passes_replaced_link(entry.path)) return;
            Node* const directory = find_place(root_, entry.path, LastLink::follow, budget_);
            if (directory != nullptr && directory->is_directory()) directory->children().clear();
        }
        forget_parent();
    }

    void put(const LayerEntry& entry) {
        if (is_aufs_link(entry.path)) {
            if (entry.kind == EntryKind::file) aufs_links_.insert_or_assign(entry.path, entry.checksum);
            return;
        }
        switch (entry.kind) {
            case EntryKind::special:
                set(entry.path, Node::special());
                break;
            case EntryKind::file:
                set(entry.path, Node::file(entry.checksum));
                break;
            case EntryKind::symlink:
                set(entry.path, Node::symlink(entry.checksum, entry.target, entry.uid, entry.gid));
                break;
            case EntryKind::directory:
                put_directory(entry);
                break;
            case EntryKind::hardlink:
                put_hardlink(entry);
                break;
            case EntryKind::whiteout:
            case EntryKind::opaque:
                break;
        }
    }

  private:
    // True if a part of the path is a link in a lower layer that this layer replaces by a directory. The
    // whiteout then refers to the new directory, not to the target of the link.
    bool passes_replaced_link(std::string_view path) {
        const std::vector<std::string_view> links = linked_prefixes(root_, path, budget_);
        return std::any_of(links.begin(), links.end(),
                           [this](std::string_view link) { return directories_.contains(link); });
    }

    // The entries of a directory are consecutive, so the last parent is usually the next one as well.
    Node& parent_of(std::string_view parent) {
        if (last_parent_ == nullptr || parent != last_path_) {
            last_parent_ = &make_directories(
                root_, parent, budget_, [this](const std::string& file) { return is_of_layer_below(file); });
            last_path_ = parent;
        }
        return *last_parent_;
    }

    void forget_parent() noexcept { last_parent_ = nullptr; }

    // True if no entry of this layer has the name. overlayfs shows the layer's directory in place of a file
    // of a lower layer. A file and something below it in one layer are a contradiction.
    bool is_of_layer_below(std::string_view file) {
        if (names_.empty()) {
            for (const LayerEntry& entry : layer_.entries()) {
                if (entry.kind != EntryKind::whiteout && entry.kind != EntryKind::opaque)
                    names_.insert(entry.path);
            }
        }
        return !names_.contains(file);
    }

    Node& set(std::string_view path, Node node) {
        const SplitName split = split_name(path);
        Node& parent = parent_of(split.parent);
        const Node* const before = parent.child(split.name);
        // Changes of directories and links may affect the path of the remembered parent.
        const bool keeps_paths = (before == nullptr || before->is_file()) && !node.is_symlink();
        budget_.keep(memory_of(split.name, node));
        Node& out = parent.set_child(split.name, std::move(node));
        if (!keeps_paths) forget_parent();
        return out;
    }

    void put_directory(const LayerEntry& entry) {
        Node* node = &root_;
        if (!entry.path.empty()) {
            const SplitName split = split_name(entry.path);
            node = parent_of(split.parent).child(split.name);
            if (node == nullptr || !node->is_directory()) {
                // Do not look it up again: it may replace a link on its own path.
                node = &set(entry.path, Node::directory());
            }
        }
        node->mode = entry.mode;
        node->uid = entry.uid;
        node->gid = entry.gid;
        if (xattrs_ == DirectoryXattrs::keep && entry.xattrs.empty()) return;
        node->xattrs = entry.xattrs;
        budget_.keep(entry.xattrs.size());
    }

    void put_hardlink(const LayerEntry& entry) {
        if (const auto found = aufs_links_.find(entry.target); found != aufs_links_.end()) {
            set(entry.path, Node::file(found->second));
            return;
        }
        const Node* const target = find_place(root_, entry.target, LastLink::keep, budget_);
        if (target == nullptr) {
            throw Error(ErrorKind::invalid,
                        concat("a hard link to ", quoted(entry.target), ", which does not exist"));
        }
        switch (target->kind) {
            case NodeKind::file:
                set(entry.path, Node::file(target->checksum));
                break;
            case NodeKind::symlink:
                set(entry.path, Node::symlink(target->checksum, target->target, target->uid, target->gid));
                break;
            case NodeKind::special:
                set(entry.path, Node::special());
                break;
            case NodeKind::directory:
                throw Error(ErrorKind::invalid,
                            concat("a hard link to ", quoted(entry.target), ", a directory"));
        }
    }

    Node& root_;
    const Layer& layer_;
    ImageBudget& budget_;
    DirectoryXattrs xattrs_;
    std::unordered_set<std::string_view> directories_;  // explicit directory entries of the layer
    std::unordered_set<std::string_view> names_;        // of what the layer has; filled when they are needed
    std::unordered_map<std::string_view, Sha256> aufs_links_;
    Node* last_parent_ = nullptr;
    std::string_view last_path_;
};

void collect_special(const Node& directory, const std::string& path, std::size_t max,
                     std::vector<std::string>& out) {
    check_interrupt();
    for (const auto& [name, child] : directory.children()) {
        if (out.size() >= max) return;
        if (child.kind == NodeKind::special) out.push_back(join_path(path, name));
        if (child.is_directory()) collect_special(child, join_path(path, name), max, out);
    }
}

}  // namespace

void apply_layer(Node& root, const Layer& layer, ImageBudget& budget, DirectoryXattrs xattrs) {
    Overlay overlay(root, layer, budget, xattrs);
    for (const LayerEntry& entry : layer.entries()) {
        check_interrupt();
        with_context([&entry] { return concat("entry ", quoted(entry.path)); }, [&] { overlay.hide(entry); });
    }
    for (const LayerEntry& entry : layer.entries()) {
        check_interrupt();
        with_context([&entry] { return concat("entry ", quoted(entry.path)); }, [&] { overlay.put(entry); });
    }
}

std::vector<std::string> special_paths(const Node& directory, std::size_t max) {
    std::vector<std::string> out;
    collect_special(directory, {}, max, out);
    return out;
}

std::size_t drop_special(Node& directory) {
    check_interrupt();
    std::size_t dropped = std::erase_if(
        directory.children(), [](const auto& child) { return child.second.kind == NodeKind::special; });
    for (auto& [name, child] : directory.children()) {
        if (child.is_directory()) dropped += drop_special(child);
    }
    return dropped;
}

}  // namespace osb::ostree

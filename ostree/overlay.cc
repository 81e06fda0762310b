#include "ostree/overlay.hh"

#include <unordered_set>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"

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
    Overlay(Node& root, const Layer& layer, DirectoryXattrs xattrs) : root_(root), xattrs_(xattrs) {
        for (const LayerEntry& entry : layer.entries()) {
            if (entry.kind == EntryKind::directory) directories_.insert(entry.path);
        }
    }

    void hide(const LayerEntry& entry) {
        if (entry.kind == EntryKind::whiteout) {
            const SplitName split = split_name(entry.path);
            if (passes_replaced_link(split.parent)) return;
            Node* const parent = resolve(root_, split.parent, LastLink::follow).node;
            if (parent != nullptr && parent->is_directory()) parent->remove_child(split.name);
        } else if (entry.kind == EntryKind::opaque) {
            if (passes_replaced_link(entry.path)) return;
            Node* const directory = resolve(root_, entry.path, LastLink::follow).node;
            if (directory != nullptr && directory->is_directory()) directory->children().clear();
        }
        forget_parent();
    }

    void put(const LayerEntry& entry) {
        switch (entry.kind) {
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
    // Whether a part of the path is a link below that this layer replaces by a directory: then what is hidden
    // is in the directory, which is new, and not where the link led.
    bool passes_replaced_link(std::string_view path) {
        for (std::size_t end = path.find('/');; end = path.find('/', end + 1)) {
            const std::string_view prefix = path.substr(0, end);
            if (directories_.contains(prefix)) {
                const Node* const node = resolve(root_, prefix, LastLink::keep).node;
                if (node != nullptr && node->is_symlink()) return true;
            }
            if (end == std::string_view::npos) return false;
        }
    }

    // Entries of one directory stand together, so the last parent is nearly always the next one.
    Node& parent_of(std::string_view parent) {
        if (last_parent_ == nullptr || parent != last_path_) {
            last_parent_ = &make_directories(root_, parent);
            last_path_ = parent;
        }
        return *last_parent_;
    }

    void forget_parent() noexcept { last_parent_ = nullptr; }

    void set(std::string_view path, Node node) {
        const SplitName split = split_name(path);
        Node& parent = parent_of(split.parent);
        const Node* const before = parent.child(split.name);
        // What replaces or becomes a directory or a link may lie on the way to the remembered parent.
        const bool keeps_paths = (before == nullptr || before->is_file()) && !node.is_symlink();
        parent.set_child(split.name, std::move(node));
        if (!keeps_paths) forget_parent();
    }

    void put_directory(const LayerEntry& entry) {
        Node* node = &root_;
        if (!entry.path.empty()) {
            const SplitName split = split_name(entry.path);
            node = parent_of(split.parent).child(split.name);
            if (node == nullptr || !node->is_directory()) {
                set(entry.path, Node::directory());
                node = parent_of(split.parent).child(split.name);
            }
        }
        node->mode = entry.mode;
        node->uid = entry.uid;
        node->gid = entry.gid;
        if (xattrs_ == DirectoryXattrs::replace || !entry.xattrs.empty()) node->xattrs = entry.xattrs;
    }

    void put_hardlink(const LayerEntry& entry) {
        const Node* const target = resolve(root_, entry.target, LastLink::keep).node;
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
            case NodeKind::directory:
                throw Error(ErrorKind::invalid,
                            concat("a hard link to ", quoted(entry.target), ", a directory"));
        }
    }

    Node& root_;
    DirectoryXattrs xattrs_;
    std::unordered_set<std::string_view> directories_;  // that have an entry of their own in the layer
    Node* last_parent_ = nullptr;
    std::string_view last_path_;
};

}  // namespace

void apply_layer(Node& root, const Layer& layer, DirectoryXattrs xattrs) {
    Overlay overlay(root, layer, xattrs);
    for (const LayerEntry& entry : layer.entries()) {
        check_interrupt();
        with_context([&entry] { return concat("entry ", quoted(entry.path)); }, [&] { overlay.hide(entry); });
    }
    for (const LayerEntry& entry : layer.entries()) {
        check_interrupt();
        with_context([&entry] { return concat("entry ", quoted(entry.path)); }, [&] { overlay.put(entry); });
    }
}

}  // namespace osb::ostree

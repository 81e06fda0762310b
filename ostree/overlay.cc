#include "ostree/overlay.hh"

#include <utility>

#include "base/error.hh"
#include "base/escape.hh"

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
    explicit Overlay(Node& root) : root_(root) {}

    void hide(const LayerEntry& entry) {
        if (entry.kind == EntryKind::whiteout) {
            const SplitName split = split_name(entry.path);
            Node* const parent = resolve(root_, split.parent, LastLink::follow).node;
            if (parent != nullptr && parent->is_directory()) parent->remove_child(split.name);
        } else if (entry.kind == EntryKind::opaque) {
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
        node->xattrs = entry.xattrs;
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
    Node* last_parent_ = nullptr;
    std::string_view last_path_;
};

}  // namespace

void apply_layer(Node& root, const Layer& layer) {
    Overlay overlay(root);
    for (const LayerEntry& entry : layer.entries()) overlay.hide(entry);
    for (const LayerEntry& entry : layer.entries()) {
        with_context([&entry] { return concat("entry ", quoted(entry.path)); }, [&] { overlay.put(entry); });
    }
}

}  // namespace osb::ostree

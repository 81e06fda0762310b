#include "ostree/tree/base_tree.hh"

#include <cstring>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {
namespace {

constexpr std::uint32_t kVarTmpMode = 01777;

class TreeReader {
  public:
    TreeReader(const LoadMetadata& load, const ObjectIndex& objects, ImageBudget& budget,
               std::size_t max_entries)
        : load_(load), objects_(objects), budget_(budget), entries_left_(max_entries) {}

    Node read(const Sha256& tree, const Sha256& meta, const std::string& path, std::size_t depth) {
        check_interrupt();
        check_tree_place(path, depth);
        Node out = directory_of(meta);
        const DirtreeObject object = tree_of(tree);
        for (const DirtreeObject::File& file : object.files) {
            count();
            check_tree_place(join_path(path, file.name), depth);
            budget_.keep(memory_of(file.name, out.set_child(file.name, file_of(file, path))));
        }
        for (const DirtreeObject::Directory& below : object.directories) {
            count();
            const Node& child = out.set_child(
                below.name, read(below.tree, below.meta, join_path(path, below.name), depth + 1));
            budget_.keep(memory_of(below.name, child));
        }
        return out;
    }

  private:
    std::string load(ObjectType type, const Sha256& checksum) const {
        try {
            return load_(type, checksum);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::not_found) throw;
            throw Error(ErrorKind::invalid,
                        concat("the image lacks the object ", to_hex(checksum), " of a directory"));
        }
    }

    DirtreeObject tree_of(const Sha256& checksum) const {
        const std::string bytes = load(ObjectType::dirtree, checksum);
        return with_context([&] { return to_hex(checksum); }, [&] { return parse_dirtree(as_bytes(bytes)); });
    }

    Node directory_of(const Sha256& checksum) const {
        const std::string bytes = load(ObjectType::dirmeta, checksum);
        DirectoryMeta meta =
            with_context([&] { return to_hex(checksum); }, [&] { return parse_dirmeta(as_bytes(bytes)); });
        Node out = Node::directory(meta.mode, meta.uid, meta.gid);
        out.xattrs = std::move(meta.xattrs);
        return out;
    }

    void count() {
        if (entries_left_-- == 0) {
            throw Error(ErrorKind::too_large, "a commit of too many files and directories");
        }
    }

    Node file_of(const DirtreeObject::File& file, const std::string& directory) const {
        const LayerEntry* const object = objects_.find(file.checksum);
        if (object != nullptr) return node_of(*object);
        throw Error(ErrorKind::invalid, concat("the image lacks the object ", to_hex(file.checksum), " of ",
                                               quoted(join_path(directory, file.name))));
    }

  public:
    static Node node_of(const LayerEntry& object) {
        if (object.kind != EntryKind::symlink) return Node::file(object.checksum);
        return Node::symlink(object.checksum, object.target, object.uid, object.gid);
    }

  private:
    const LoadMetadata& load_;
    const ObjectIndex& objects_;
    ImageBudget& budget_;
    std::size_t entries_left_;
};

}  // namespace

void ObjectIndex::add(const Layer& layer) {
    for (const LayerEntry& entry : layer.entries()) {
        if (entry.kind == EntryKind::file || entry.kind == EntryKind::symlink)
            entries_.emplace(entry.checksum, &entry);
    }
}

const LayerEntry* ObjectIndex::find(const Sha256& checksum) const {
    const auto found = entries_.find(checksum);
    return found == entries_.end() ? nullptr : found->second;
}

Node read_tree(const LoadMetadata& load, const RootChecksums& root, const ObjectIndex& objects,
               ImageBudget& budget, std::size_t max_entries) {
    return TreeReader(load, objects, budget, max_entries).read(root.tree, root.meta, {}, 1);
}

bool is_laid_out(const Node& root) {
    const Node* const usr = root.child("usr");
    const Node* const etc = usr == nullptr ? nullptr : usr->child("etc");
    return etc != nullptr && etc->is_directory() && root.child("etc") == nullptr;
}

bool is_laid_out(const Repository& repository, const RootChecksums& root) {
    // The dirtree of the subdirectory `wanted`, if there is one.
    const auto find = [&repository](const Sha256& tree, std::string_view wanted) -> std::optional<Sha256> {
        const std::string bytes = read_metadata(repository, ObjectType::dirtree, tree);
        for (const DirtreeObject::Directory& directory : parse_dirtree(as_bytes(bytes)).directories) {
            if (directory.name == wanted) return directory.tree;
        }
        return std::nullopt;
    };
    const std::optional<Sha256> usr = find(root.tree, "usr");
    return usr && find(*usr, "etc") && !find(root.tree, "etc");
}

ImageView::ImageView(Node& root, const ObjectIndex* objects, ImageBudget& budget) : root_(root) {
    show_etc();
    if (root.child("sysroot") == nullptr) {
        root.set_child("sysroot", Node::directory());
        added_sysroot_ = true;
    }
    if (root.child("var") == nullptr) {
        root.set_child("var", Node::directory());
        added_var_ = true;
    }
    Node& var = *root.child("var");
    if (var.is_directory() && var.child("tmp") == nullptr) {
        var.set_child("tmp", Node::directory(kVarTmpMode));
        added_var_tmp_ = true;
    }
    if (objects != nullptr) add_objects(*objects, budget);
}

void ImageView::show_etc() {
    Node* const usr = root_.child("usr");
    Node* const etc = usr == nullptr ? nullptr : usr->child("etc");
    if (etc == nullptr || !etc->is_directory()) return;
    const Node* const other = root_.child("etc");
    if (other != nullptr && !(other->is_directory() && other->children().empty())) {
        throw Error(ErrorKind::invalid, "the base's commit has both /etc and /usr/etc");
    }
    root_.set_child("etc", std::move(*etc));
    usr->remove_child("etc");
}

// Builds the directories separately first, because links and files of the commit on that path must not be
// used.
void ImageView::add_objects(const ObjectIndex& objects, ImageBudget& budget) {
    Node* const sysroot = root_.child("sysroot");
    if (!sysroot->is_directory()) return;
    Node ostree = Node::directory();
    Node& directory = ostree.set_child("repo", Node::directory()).set_child("objects", Node::directory());
    objects.for_each([&](const LayerEntry& object) {
        check_interrupt();
        const std::string hex = to_hex(object.checksum);
        const std::string_view first = std::string_view(hex).substr(0, 2);
        Node* prefix = directory.child(first);
        if (prefix == nullptr) prefix = &directory.set_child(first, Node::directory());
        const std::string name = concat(hex.substr(2), ".file");
        budget.keep(memory_of(name, prefix->set_child(name, TreeReader::node_of(object))));
    });
    sysroot->set_child("ostree", std::move(ostree));
}

void ImageView::strip() {
    const auto is_empty = [](const Node* node) {
        return node != nullptr && node->is_directory() && node->children().empty();
    };
    if (Node* const sysroot = root_.child("sysroot"); sysroot != nullptr && sysroot->is_directory()) {
        sysroot->remove_child("ostree");
        if (added_sysroot_ && is_empty(sysroot)) root_.remove_child("sysroot");
    }
    if (!added_var_tmp_) return;
    Node* const var = root_.child("var");
    const Node* const tmp = var == nullptr ? nullptr : var->child("tmp");
    if (is_empty(tmp) && tmp->mode == kVarTmpMode) var->remove_child("tmp");
    if (added_var_ && is_empty(var)) root_.remove_child("var");
}

}  // namespace osb::ostree

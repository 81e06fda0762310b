#include "ostree/base_tree.hh"

#include <cstring>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/glib.hh"
#include "ostree/layer_path.hh"
#include "ostree/object_reader.hh"

namespace osb::ostree {
namespace {

constexpr std::uint32_t kVarTmpMode = 01777;

GVariantPtr child_of(GVariant* variant, gsize index) {
    return take(g_variant_get_child_value(variant, index));
}

Sha256 checksum_in(GVariant* entry, gsize index) {
    return checksum_of(child_of(entry, index).get());
}

std::string join(const std::string& directory, const std::string& name) {
    return directory.empty() ? name : concat(directory, '/', name);
}

class TreeReader {
  public:
    TreeReader(const LoadMetadata& load, const ObjectIndex& objects, std::size_t max_entries)
        : load_(load), objects_(objects), entries_left_(max_entries) {}

    Node read(const Sha256& tree, const Sha256& meta, const std::string& path, std::size_t depth) {
        check_interrupt();
        if (depth > kMaxDepth) {
            throw Error(ErrorKind::too_large, concat("directories more than ", kMaxDepth, " deep"));
        }
        Node out = directory_of(meta);
        const GVariantPtr variant = load(ObjectType::dirtree, tree, OSTREE_TREE_GVARIANT_STRING);
        with_context([&path] { return concat("directory ", quoted('/' + path)); },
                     [&] { read_files(child_of(variant.get(), 0).get(), out); });
        const GVariantPtr directories = child_of(variant.get(), 1);
        std::optional<std::string> last;
        for (gsize i = 0; i < g_variant_n_children(directories.get()); ++i) {
            const GVariantPtr entry = child_of(directories.get(), i);
            const std::string name = next_name(entry.get(), last);
            if (out.child(name) != nullptr) {
                throw Error(ErrorKind::invalid, concat("a dirtree with two entries ", quoted(name)));
            }
            out.set_child(name, read(checksum_in(entry.get(), 1), checksum_in(entry.get(), 2),
                                     join(path, name), depth + 1));
        }
        return out;
    }

  private:
    GVariantPtr load(ObjectType type, const Sha256& checksum, const char* format) const {
        const std::string bytes = load_(type, checksum);
        GVariantPtr variant = variant_from_bytes(G_VARIANT_TYPE(format), as_bytes(bytes), false);
        if (g_variant_is_normal_form(variant.get()) == FALSE) {
            throw Error(ErrorKind::invalid, concat("a malformed directory object: ", to_hex(checksum)));
        }
        return variant;
    }

    Node directory_of(const Sha256& checksum) const {
        const GVariantPtr meta = load(ObjectType::dirmeta, checksum, "(uuua(ayay))");
        const auto number = [&meta](gsize index) {
            guint32 value = 0;
            g_variant_get_child(meta.get(), index, "u", &value);
            return GUINT32_FROM_BE(value);
        };
        Node out = Node::directory(number(2) & 07777U, number(0), number(1));
        out.xattrs = as_text(bytes_of(child_of(meta.get(), 3).get()));
        return out;
    }

    // Names come sorted, so that none is there twice.
    std::string next_name(GVariant* entry, std::optional<std::string>& last) {
        if (entries_left_-- == 0) {
            throw Error(ErrorKind::too_large, "a commit of too many files and directories");
        }
        const char* text = nullptr;
        g_variant_get_child(entry, 0, "&s", &text);
        std::string name(text);
        const bool is_name = !name.empty() && name != "." && name != ".." &&
                             name.find('/') == std::string::npos && name.size() <= kMaxComponent;
        if (!is_name || (last && name <= *last)) {
            throw Error(ErrorKind::invalid, concat("a dirtree with the entry ", quoted(name)));
        }
        last = name;
        return name;
    }

    void read_files(GVariant* files, Node& out) {
        std::optional<std::string> last;
        for (gsize i = 0; i < g_variant_n_children(files); ++i) {
            const GVariantPtr entry = child_of(files, i);
            const std::string name = next_name(entry.get(), last);
            const Sha256 checksum = checksum_in(entry.get(), 1);
            const LayerEntry* const object = objects_.find(checksum);
            if (object == nullptr) {
                throw Error(ErrorKind::invalid, concat("the image lacks the object ", to_hex(checksum),
                                                       " of the file ", quoted(name)));
            }
            out.set_child(name, node_of(*object));
        }
    }

  public:
    static Node node_of(const LayerEntry& object) {
        if (object.kind != EntryKind::symlink) return Node::file(object.checksum);
        return Node::symlink(object.checksum, object.target, object.uid, object.gid);
    }

  private:
    const LoadMetadata& load_;
    const ObjectIndex& objects_;
    std::size_t entries_left_;
};

}  // namespace

std::size_t ObjectIndex::Hash::operator()(const Sha256& checksum) const noexcept {
    std::size_t out = 0;  // a checksum is as good a hash as there is
    std::memcpy(&out, checksum.data(), sizeof out);
    return out;
}

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
               std::size_t max_entries) {
    return TreeReader(load, objects, max_entries).read(root.tree, root.meta, {}, 1);
}

bool is_laid_out(const Node& root) {
    const Node* const usr = root.child("usr");
    const Node* const etc = usr == nullptr ? nullptr : usr->child("etc");
    return etc != nullptr && etc->is_directory() && root.child("etc") == nullptr;
}

bool is_laid_out(const Repository& repository, const RootChecksums& root) {
    // The directories' tree in the dirtree, if it has one of that name.
    const auto find = [&repository](const Sha256& tree, std::string_view wanted) -> std::optional<Sha256> {
        const std::string bytes = read_metadata(repository, ObjectType::dirtree, tree);
        const GVariantPtr variant = variant_from_bytes(OSTREE_TREE_GVARIANT_FORMAT, as_bytes(bytes), false);
        const GVariantPtr directories = child_of(variant.get(), 1);
        for (gsize i = 0; i < g_variant_n_children(directories.get()); ++i) {
            const GVariantPtr entry = child_of(directories.get(), i);
            const char* name = nullptr;
            g_variant_get_child(entry.get(), 0, "&s", &name);
            if (name == wanted) return checksum_in(entry.get(), 1);
        }
        return std::nullopt;
    };
    const std::optional<Sha256> usr = find(root.tree, "usr");
    return usr && find(*usr, "etc") && !find(root.tree, "etc");
}

ImageView::ImageView(Node& root, const ObjectIndex* objects) : root_(root) {
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
    if (objects != nullptr) add_objects(*objects);
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

void ImageView::add_objects(const ObjectIndex& objects) {
    if (!root_.child("sysroot")->is_directory()) return;
    Node& directory = make_directories(root_, "sysroot/ostree/repo/objects");
    objects.for_each([&directory](const LayerEntry& object) {
        const std::string hex = to_hex(object.checksum);
        const std::string_view first = std::string_view(hex).substr(0, 2);
        Node* prefix = directory.child(first);
        if (prefix == nullptr) prefix = &directory.set_child(first, Node::directory());
        prefix->set_child(concat(hex.substr(2), ".file"), TreeReader::node_of(object));
    });
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

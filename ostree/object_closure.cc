#include "ostree/object_closure.hh"

#include <algorithm>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "ostree/glib.hh"
#include "ostree/object_reader.hh"
#include "ostree/tree.hh"

namespace osb::ostree {
namespace {

// The checksum in child `index` of an entry of a dirtree.
Sha256 checksum_in(GVariant* entry, gsize index) {
    const GVariantPtr bytes = take(g_variant_get_child_value(entry, index));
    const ByteView view = view_byte_array(bytes.get());
    Sha256 out{};
    if (view.size() != out.size()) throw Error(ErrorKind::invalid, "a dirtree with a malformed checksum");
    std::copy(view.begin(), view.end(), out.begin());
    return out;
}

}  // namespace

bool ObjectClosure::insert(const Sha256& checksum, ObjectType type) {
    if (!known_.insert({checksum, type}).second) return false;
    objects_.push_back({checksum, type});
    return true;
}

void ObjectClosure::add_tree(const Sha256& tree, std::size_t depth) {
    if (!insert(tree, ObjectType::dirtree)) return;
    check_interrupt();
    if (depth > kMaxDepth) throw Error(ErrorKind::invalid, "a tree of directories that is too deep");
    const std::string bytes = read_metadata(repository_, ObjectType::dirtree, tree);
    const GVariantPtr variant =
        variant_from_bytes(OSTREE_TREE_GVARIANT_FORMAT, as_bytes(bytes), /*trusted=*/false);
    const GVariantPtr files = take(g_variant_get_child_value(variant.get(), 0));
    for (gsize i = 0; i < g_variant_n_children(files.get()); ++i) {
        const GVariantPtr entry = take(g_variant_get_child_value(files.get(), i));
        insert(checksum_in(entry.get(), 1), ObjectType::file);
    }
    const GVariantPtr directories = take(g_variant_get_child_value(variant.get(), 1));
    for (gsize i = 0; i < g_variant_n_children(directories.get()); ++i) {
        const GVariantPtr entry = take(g_variant_get_child_value(directories.get(), i));
        add_tree(checksum_in(entry.get(), 1), depth + 1);
        insert(checksum_in(entry.get(), 2), ObjectType::dirmeta);
    }
}

std::size_t ObjectClosure::add(const RootChecksums& root) {
    const std::size_t before = objects_.size();
    add_tree(root.tree, 1);
    insert(root.meta, ObjectType::dirmeta);
    return objects_.size() - before;
}

}  // namespace osb::ostree

#include "ostree/push/object_closure.hh"

#include "base/error.hh"
#include "base/interrupt.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/tree/metadata_objects.hh"
#include "ostree/tree/tree.hh"

namespace osb::ostree {
bool ObjectClosure::insert(const Sha256& checksum, ObjectType type) {
    if (!known_.insert({checksum, type}).second) return false;
    objects_.push_back({checksum, type});
    return true;
}

void ObjectClosure::add_tree(const Sha256& tree, std::size_t depth) {
    if (!insert(tree, ObjectType::dirtree)) return;
    check_interrupt();
    if (depth > kMaxDepth) throw Error(ErrorKind::invalid, "the directories are nested too deep");
    const std::string bytes = read_metadata(repository_, ObjectType::dirtree, tree);
    const DirtreeObject object =
        with_context([&] { return to_hex(tree); }, [&] { return parse_dirtree(as_bytes(bytes)); });
    for (const DirtreeObject::File& file : object.files) insert(file.checksum, ObjectType::file);
    for (const DirtreeObject::Directory& directory : object.directories) {
        add_tree(directory.tree, depth + 1);
        insert(directory.meta, ObjectType::dirmeta);
    }
}

std::size_t ObjectClosure::add(const RootChecksums& root) {
    const std::size_t before = objects_.size();
    add_tree(root.tree, 1);
    insert(root.meta, ObjectType::dirmeta);
    return objects_.size() - before;
}

}  // namespace osb::ostree

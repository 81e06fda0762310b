#include "ostree/import/base_commit.hh"

#include "base/error.hh"

namespace osb::ostree {

ImageBase read_base(const CommitId& commit, ByteView commit_object, const ImageLayers& layers,
                    std::size_t base_layers, const ObjectWriter& writer, ImageBudget& budget) {
    ImageBase out{
        .commit = {.id = commit,
                   .commit_object = variant_from_bytes(OSTREE_COMMIT_GVARIANT_FORMAT, commit_object, false),
                   .root = root_of(commit_object)},
        .tree = {}};
    ObjectIndex& objects = out.tree.objects;
    for (std::size_t i = 0; i < base_layers; ++i) objects.add(*layers.at(i).content);
    const auto load = [&](ObjectType type, const Sha256& object) {
        return writer.read_metadata(type, object);
    };
    out.tree.root = with_context([&] { return concat("commit ", commit); },
                                 [&] { return read_tree(load, out.commit.root, objects, budget); });
    return out;
}

}  // namespace osb::ostree

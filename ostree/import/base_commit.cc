#include "ostree/import/base_commit.hh"

#include "base/error.hh"

namespace osb::ostree {

ImageBase read_base(const std::string& checksum, ByteView commit, const ImageLayers& layers,
                    std::size_t base_layers, const ObjectWriter& writer, ImageBudget& budget) {
    ImageBase out;
    ObjectIndex& objects = out.tree.objects;
    for (std::size_t i = 0; i < base_layers; ++i) objects.add(*layers.at(i).content);
    out.commit.checksum = checksum;
    out.commit.commit = variant_from_bytes(OSTREE_COMMIT_GVARIANT_FORMAT, commit, false);
    out.commit.root = root_of(commit);
    const auto load = [&](ObjectType type, const Sha256& object) {
        return writer.read_metadata(type, object);
    };
    out.tree.root = with_context([&] { return concat("commit ", checksum); },
                                 [&] { return read_tree(load, out.commit.root, objects, budget); });
    return out;
}

}  // namespace osb::ostree

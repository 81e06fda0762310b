// The commit inside an image, which the layers on top change.
#pragma once

#include <string>

#include "base/bytes.hh"
#include "ostree/import/image_layers.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/tree/base_tree.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

struct BaseCommit {
    CommitId id;
    GVariantPtr commit_object;
    RootChecksums root;
};

// The commit's tree, before the layers on top.
struct BaseTree {
    Node root;
    ObjectIndex objects;  // borrows the content of the layers
};

struct ImageBase {
    BaseCommit commit;
    BaseTree tree;
};

// The commit with this checksum and these bytes, whose files are in the first `base_layers` of `layers`.
// Those must have content. The writer, or the repository, must have its directories. Throws as read_tree(),
// with the commit named.
ImageBase read_base(const CommitId& commit, ByteView commit_object, const ImageLayers& layers,
                    std::size_t base_layers, const ObjectWriter& writer, ImageBudget& budget);

}  // namespace osb::ostree

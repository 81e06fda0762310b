// The commit inside an image, on which its other layers build.
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

// The commit and the root of its tree.
struct BaseCommit {
    CommitId id;
    GVariantPtr commit_object;
    RootChecksums root;
};

// The tree of the commit without the other layers.
struct BaseTree {
    Node root;
    ObjectIndex objects;  // borrows the content of the layers
};

// The commit with its tree.
struct ImageBase {
    BaseCommit commit;
    BaseTree tree;
};

// Reads the commit with this checksum and these bytes. Its files are in the first `base_layers` of `layers`,
// which must have content. Its directories must be in the writer or the repository. Throws as read_tree(),
// with the commit as context.
ImageBase read_base(const CommitId& commit, ByteView commit_object, const ImageLayers& layers,
                    std::size_t base_layers, const ObjectWriter& writer, ImageBudget& budget);

}  // namespace osb::ostree

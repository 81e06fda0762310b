// The end of an import: objects become durable, then the commits that need them, then the refs.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "oci/transports/image.hh"
#include "ostree/import/base_commit.hh"
#include "ostree/import/encapsulated_layer.hh"
#include "ostree/import/import_plan.hh"
#include "ostree/import/imported_commit.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/tree_writer.hh"

namespace osb::ostree {

class Transaction;

using NewLayers = std::vector<std::shared_ptr<const Layer>>;

struct WrittenObjects {
    WrittenTree tree;
    std::vector<GVariantPtr> layer_commits;  // of the new layers, in their order
};

// Writes the directories of the image's tree, and what the commits of the layers that were read now need,
// side by side: `threads` work at once. Throws as check_directory_sizes() and write_tree().
WrittenObjects write_objects(ObjectWriter& writer, const Node& root, const NewLayers& new_layers,
                             unsigned threads);

// What is published. All is borrowed.
struct NewImport {
    const WrittenObjects& objects;
    const NewLayers& new_layers;
    const Encapsulated& held_commit;  // the commit inside the image, when it was read now; else empty
    const BaseCommit* base;           // the same commit, read now or before; nullptr for none
    const std::string& kernel;        // release; "" for none
};

// Publishes the writer's objects, writes the commits and moves the ref of the plan, all in `transaction`.
// Atomic: when this throws, no ref has moved. Another import may have moved the ref meanwhile. When its
// commit is this image, that commit is the result and nothing else is written; else it becomes the parent.
// Warns when clients would refuse the image's own commit by the plan's ref.
ImportedCommit publish_import(const Repository& repository, Transaction& transaction, ObjectWriter& writer,
                              const oci::Image& image, const ImportPlan& plan, const NewImport& import);

}  // namespace osb::ostree

// The last step of an import: makes durable the objects, then the commits that need them, then the refs.
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

// The written objects that the new commits need.
struct WrittenObjects {
    WrittenTree tree;
    std::vector<GVariantPtr> layer_commits;  // of the new layers, in their order
};

// Writes the directories of the image's tree, and the objects for the commits of the newly read layers, in
// parallel on `threads` threads. Throws as check_directory_sizes() and write_tree().
WrittenObjects write_objects(ObjectWriter& writer, const Node& root, const NewLayers& new_layers,
                             unsigned threads);

// The data to publish. All members are borrowed.
struct NewImport {
    const WrittenObjects& objects;
    const NewLayers& new_layers;
    const Encapsulated& held_commit;  // the commit inside the image if it was read now; otherwise empty
    const BaseCommit* base;           // the same commit, read now or before; nullptr for none
    const std::string& kernel;        // release; "" for none
};

// Publishes the writer's objects, writes the commits and sets the ref of the plan, all in `transaction`.
// Atomic: if this throws, no ref has moved. If the ref's commit is the one that this import makes, because
// an earlier or a concurrent import made it, it is the result, and no commit is written; otherwise it becomes
// the parent. Warns if clients would reject the image's own commit under the plan's ref.
ImportedCommit publish_import(const Repository& repository, Transaction& transaction, ObjectWriter& writer,
                              const oci::Image& image, const ImportPlan& plan, const NewImport& import);

}  // namespace osb::ostree

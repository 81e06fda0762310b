// Layers that were imported before, kept in the repository so that they are not read again.
//
// A layer is a commit whose tree holds the objects of the layer's files, named by their checksums, and one
// file `entries` that lists the layer's entries (docs/formats/layer-commit.md). Refs
// ostree/container/blob/osb/<escaped digest> name it, once by the digest of the blob and once by the diffID,
// so that a layer that was merely compressed anew is known too. The prefix is that of ostree-ext, whose
// commits hold trees rewritten in its own way; `osb/` keeps the two from taking each other's for their own.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/documents/digest.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

class Transaction;

// The layer whose blob has `digest`, or whose diffID is `diff_id`; nullptr when it is not there, not whole,
// was read as one of another kind, or is of another version of the format. Throws Error{digest_mismatch} when
// the blob is known to unpack to something else than `diff_id`.
std::unique_ptr<Layer> load_layer(const Repository& repository, const oci::Digest& digest,
                                  const oci::Digest& diff_id, LayerKind kind = LayerKind::ordinary);

// Whether the repository has the objects of all the layer's files. Threads may call it at once.
bool holds_all_files(const ObjectWriter& writer, const Layer& layer);

// Writes what the layer's commit needs, and returns that commit. The layer's files must have been written.
GVariantPtr make_layer_commit(ObjectWriter& writer, const Layer& layer);

// Whether a blob of this digest was once read, by an import into this repository, and unpacked to `diff_id`.
// Being known by its diffID alone says nothing of a blob.
bool knows_blob(const Repository& repository, const oci::Digest& digest, const oci::Digest& diff_id);

// Writes the commit of a layer that was read, and sets its refs in `transaction`: that of the diffID, and
// that of the blob which was read, whatever the manifest calls it. To be called after the writer has
// published: a commit is seen, or taken over by the next transaction of whatever kind, as soon as it is
// written.
void save_layer(Transaction& transaction, GVariant* commit_object, const Layer& layer);

// Deletes, in `transaction`, the refs of layers that no image in the repository uses: none whose commit a ref
// names, and not those of `keep`.
void forget_unused_layers(Transaction& transaction, const Repository& repository,
                          const std::vector<oci::Digest>& keep);

}  // namespace osb::ostree

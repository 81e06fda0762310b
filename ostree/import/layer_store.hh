// Storage of imported layers in the repository, so that they need not be read again. A layer of which only
// the table of contents was read (Layer::table) is stored under table_key() alone: a table is what one image
// says of a blob, and another image with the same blob may say something else.
//
// A layer is stored as a commit. Its tree has the objects of the layer's files, named by their checksums, and
// one file `entries` with the list of the layer's entries (docs/formats/layer-commit.md). Two refs
// ostree/container/blob/osb/<escaped digest> point to it: one with the digest of the blob and one with the
// diffID, so that a layer that was only recompressed is known as well. ostree-ext uses the same prefix for
// commits with rewritten trees; `osb/` keeps both kinds apart.
#pragma once

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/hash.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/manifest.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/layer.hh"
#include "ostree/tree/layer_digests.hh"

namespace osb::ostree {

class Transaction;

// The purposes of names in table_key().
inline constexpr std::string_view kWholeTable = "table";
inline constexpr std::string_view kPartialTable = "part";  // an interrupted fetch (Layer::is_partial)

// The name of a layer that is known from its table alone: a digest of the purpose, of the blob's and the
// table's digest and of the diffID.
oci::Digest table_key(std::string_view purpose, const oci::Digest& blob, const Sha256& table,
                      const oci::Digest& diff_id);

// The name for the purpose kWholeTable. nullopt if the descriptor has no valid annotations of a table.
std::optional<oci::Digest> table_key(const oci::Descriptor& layer, const oci::Digest& diff_id);

// All names of the first `count` layers of an image, for Layer::image_layers.
std::vector<std::string> layer_names(const oci::Manifest& manifest, const std::vector<oci::Digest>& diff_ids,
                                     std::size_t count);

// Loads the layer whose blob has `digest`, or whose diffID is `diff_id`. Returns nullptr if it is missing,
// incomplete, of another kind, or in another version of the format. Throws Error{digest_mismatch} if the blob
// is known to unpack to a layer other than `diff_id`.
std::unique_ptr<Layer> load_layer(const Repository& repository, const oci::Digest& digest,
                                  const oci::Digest& diff_id, LayerKind kind = LayerKind::ordinary);

// Loads a layer that is known from its table by the name table_key(). Returns nullptr as load_layer().
std::unique_ptr<Layer> load_table_layer(const Repository& repository, const oci::Digest& key,
                                        const oci::Digest& diff_id, LayerKind kind);

// True if the digests of files of some stored layer are known. Quick: reads no list.
bool has_known_contents(const Repository& repository);

// Passes to `take` the content of each file of the stored layers whose digest is known, also several times.
// Import has computed each digest itself. Whether the object still exists is for the caller to see. A list
// that cannot be read is left out. Throws Error for a fault of the repository's refs.
void for_each_known_content(const Repository& repository,
                            const std::function<void(const KnownContent&)>& take);

// True if the repository has the objects of all files of the layer. Thread-safe.
bool holds_all_files(const ObjectWriter& writer, const Layer& layer);

// Writes the objects of the layer's commit, and returns that commit. The layer's files must have been
// written.
GVariantPtr make_layer_commit(ObjectWriter& writer, const Layer& layer);

// True if an import into this repository has read a blob with this digest and it unpacked to `diff_id`. A
// layer that is known only by its diffID is no evidence for a blob.
bool knows_blob(const Repository& repository, const oci::Digest& digest, const oci::Digest& diff_id);

// Writes the commit of a newly read layer, and sets its refs in `transaction`: one for the diffID, and one
// for the digest of the blob that was read, even if the manifest has another one; or the one of its table.
// Call it after the writer has published its objects, because a commit is visible as soon as it is written,
// and the next transaction may take it over.
void save_layer(Transaction& transaction, GVariant* commit_object, const Layer& layer);

// Deletes, in `transaction`, the refs of layers that no image in the repository uses. Keeps layers whose
// commit another ref names, and those of `keep`.
void forget_unused_layers(Transaction& transaction, const Repository& repository,
                          const std::vector<oci::Digest>& keep);

}  // namespace osb::ostree

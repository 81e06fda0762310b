// The layers of an image that a repository knows from earlier imports.
#pragma once

#include <cstddef>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/transports/image.hh"
#include "ostree/objects/repository.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// The evidence for the content of a layer.
enum class Evidence {
    archives,  // only that the layer itself was read
    tables,    // that, or that its objects or files were fetched by its table of contents
};

// Loads layer `index` of the image, with this kind. Returns nullptr if an import would have to read it. A
// layer is known if its blob was read, or if its diffID equals that of a layer that was read. If two blobs of
// an image have the same diffID, one of them is no evidence for the other. With Evidence::tables, a layer
// is also known if its objects or files were fetched by the table that the image names. Throws
// Error as load_layer() in ostree/import/layer_store.hh.
std::unique_ptr<Layer> find_known_layer(const Repository& repository, const oci::Image& image,
                                        std::size_t index, LayerKind kind,
                                        Evidence evidence = Evidence::tables);

// One element per layer of the image, in its order; nullptr for a layer that an import would have to read.
// Does not check that all objects of a known layer exist: the import does that, and reads the layer again if
// one is missing. Throws Error as load_layer() in ostree/import/layer_store.hh.
std::vector<std::shared_ptr<const Layer>> known_layers(const Repository& repository, const oci::Image& image,
                                                       Evidence evidence = Evidence::tables);

// True if an ordinary layer of the image is known by its table of contents only: nothing has proved that the
// layer's archive has the same entries. Throws as known_layers().
bool knows_by_table(const Repository& repository, const oci::Image& image);

// Returns the commit if the image holds only a commit and all of its layers were read before and hold it;
// otherwise nullopt. Does not trust the image's label. Throws as known_layers().
std::optional<CommitId> known_commit(const Repository& repository, const oci::Image& image);

}  // namespace osb::ostree

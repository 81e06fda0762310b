// Which layers of an image an import need not read: the content of those is in the repository.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "oci/transports/image.hh"
#include "ostree/import/base_commit.hh"
#include "ostree/import/image_layers.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

struct ReusedLayers {
    ImageLayers layers;             // with content: those that are reused
    std::optional<ImageBase> base;  // the commit inside the image, when all of its layers are reused
    std::uint64_t table_bytes = 0;  // read of tables of contents
};

// Reuses a layer that is known when the repository has all of its objects: a damaged repository is mended,
// not built upon. With `expect_objects` the tables of contents of an encapsulated image's other layers are
// read, too (ImportOptions::expect_objects). The first layer of a base is reused only with all others, and
// when the repository has the commit and its directories.
//
// What is reused is charged to `budget`. `threads` work at once. Throws Error with the layer named:
// digest_mismatch as load_layer(); too_large; unavailable when the registry fails.
ReusedLayers find_reused_layers(const Repository& repository, const oci::Image& image,
                                std::size_t base_layers, bool expect_objects, const ObjectWriter& writer,
                                unsigned threads, ImageBudget& budget);

}  // namespace osb::ostree

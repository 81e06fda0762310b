// Decodes one layer of an image in a single pass: check the blob's digest, decompress, check the diffID, read
// the tar, and store the files' content as it passes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/progress.hh"
#include "base/task_pool.hh"
#include "oci/tar/tar_reader.hh"
#include "oci/transports/image_source.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/tree/image_budget.hh"
#include "ostree/tree/layer.hh"

namespace osb::ostree {

// What reading a layer needs besides its bytes.
struct LayerContext {
    ObjectWriter& writer;
    TaskPool& pool;
    Progress& progress;
    ImageBudget& budget;
};

// The archive in a layer that is being decoded.
struct LayerArchive {
    oci::TarReader& tar;
    LayerMeter& meter;  // to be told of holes before they are written
};

// Decodes `blob`, hands its archive to `read`, which reads that to its end, and checks blob and diffID;
// returns the number of uncompressed bytes. What `read` did must count for nothing when this throws.
std::uint64_t decode_layer(oci::LayerBlob blob, const oci::Digest& diff_id, const LayerContext& context,
                           const std::function<void(LayerArchive)>& read);

// Reads `blob` to its end. The layer's files are stored, or are tasks of the pool, when this returns: their
// checksums are there once the pool has ended. To be called from one of the pool's producers. Throws Error
// with the entry named.
std::shared_ptr<Layer> read_layer(oci::LayerBlob blob, const oci::Digest& diff_id,
                                  const LayerContext& context);

}  // namespace osb::ostree

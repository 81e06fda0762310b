// Decodes one layer of an image in a single pass: check the blob's digest, decompress, check the diffID, read
// the tar, and store the files' content as it passes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>

#include "base/progress.hh"
#include "base/task_pool.hh"
#include "oci/image_source.hh"
#include "oci/tar_reader.hh"
#include "ostree/layer.hh"
#include "ostree/object_writer.hh"

namespace osb::ostree {

struct LayerLimits {
    // Entries of one layer; what is held in memory grows with them.
    std::size_t max_entries = 1'000'000;
    // Bytes of their names, link targets and directories' attributes.
    std::size_t max_text = 128UL * 1024 * 1024;
    // A layer may unpack to this many bytes, and to this many times its compressed size beyond them: more is
    // a bomb.
    std::uint64_t free_bytes = 1ULL << 30;
    std::uint64_t max_ratio = 200;
};

// What reading a layer needs besides its bytes.
struct LayerContext {
    ObjectWriter& writer;
    TaskPool& pool;
    Progress& progress;
    LayerLimits limits;
};

// Decodes `blob`, hands its archive to `read`, which reads that to its end, and checks blob and diffID;
// returns the number of uncompressed bytes. What `read` did must count for nothing when this throws.
std::uint64_t decode_layer(oci::LayerBlob blob, const oci::Digest& diff_id, const LayerContext& context,
                           const std::function<void(oci::TarReader&)>& read);

// Reads `blob` to its end. The layer's files are stored, or are tasks of the pool, when this returns: their
// checksums are there once the pool has ended. To be called from one of the pool's producers. Throws Error
// with the entry named.
std::shared_ptr<Layer> read_layer(oci::LayerBlob blob, const oci::Digest& diff_id,
                                  const LayerContext& context);

}  // namespace osb::ostree

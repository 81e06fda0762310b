// Reads one layer of an image in a single pass: checks the blob's digest, decompresses, checks the diffID,
// reads the tar, and stores the content of files.
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

// The resources to read a layer, all borrowed.
struct LayerContext {
    ObjectWriter& writer;
    TaskPool& pool;
    Progress& progress;
    ImageBudget& budget;
};

// The archive of a layer that is being decoded.
struct LayerArchive {
    oci::TarReader& tar;
    LayerMeter& meter;  // report holes to it before they are written
};

// Decodes `blob`, passes its archive to `read`, which must read it to its end, and checks digest and diffID.
// Returns the number of uncompressed bytes. If this throws, the caller must discard the results of `read`.
std::uint64_t decode_layer(oci::LayerBlob blob, const oci::Digest& diff_id, const LayerContext& context,
                           const std::function<void(LayerArchive)>& read);

// The same for an archive that is not a blob: it was reproduced. `packed_size` is the size of the blob that
// it would have been read from.
std::uint64_t decode_archive(Source& archive, const oci::Digest& diff_id, std::uint64_t packed_size,
                             ImageBudget& budget, const std::function<void(LayerArchive)>& read);

// Whether the digests of files are recorded (Layer::digests()). They cost another SHA-256 of the content.
enum class FileDigests { omitted, recorded };

// Reads `blob` to its end. On return, the layer's files are stored or are tasks of the pool; their checksums
// are valid once the pool has ended. Call it from a producer of the pool. Throws Error with the entry as
// context.
std::shared_ptr<Layer> read_layer(oci::LayerBlob blob, const oci::Digest& diff_id,
                                  const LayerContext& context, FileDigests digests = FileDigests::omitted);

}  // namespace osb::ostree

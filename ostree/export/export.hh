// Export of a commit as an image that contains it (docs/formats/encapsulated-image.md).
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/progress.hh"
#include "oci/chunked/layer_writer.hh"
#include "oci/documents/platform.hh"
#include "oci/transports/image.hh"
#include "oci/transports/image_sink.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The format of the exported image.
enum class ImageFormat {
    encapsulated,  // contains the commit; pull_image() and ostree-ext can extract it
    plain,         // an ordinary root filesystem (ostree/export/plain_tar.hh)
};

// The options of an export.
struct ExportOptions {
    oci::LayerFormat compression;
    std::size_t max_layers = 64;  // the total number of layers; at least 3
    // The image of the previous build, whose layers should be kept. Layers of a foreign base image are copied
    // unchanged (ostree/export/kept_layers.hh) if its source can return blobs.
    std::optional<oci::Image> previous;
    bool copies_blobs = true;  // the source of `previous` can return blobs
    // The blobs of `previous` are on the local disk, so that it costs little to read frames of unchanged
    // files (ostree/export/previous_frames.hh).
    bool reuses_frames = true;
    std::map<std::string, std::string> labels;  // in addition to those of the commit, and with precedence
    std::vector<std::string> cmd;
    unsigned jobs = 0;  // number of threads; 0: one per core
    ImageFormat format = ImageFormat::encapsulated;
};

// The result of an export.
struct ExportResult {
    CommitId commit;
    oci::Digest manifest_digest;
    std::vector<oci::Descriptor> layers;
};

// Writes the commit that `rev` names into `sink`, as an image that ostree-ext (bootc, rpm-ostree) and
// pull_image() accept as the identical commit. The same commit and options give the same bytes, whatever the
// number of threads. Throws Error; then the image is not visible in the sink.
ExportResult export_commit(const Repository& repository, const std::string& rev, oci::ImageSink& sink,
                           const ExportOptions& options, Progress& progress);

}  // namespace osb::ostree

// A commit becomes an image that holds it (docs/formats/encapsulated-image.md).
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

enum class ImageFormat {
    encapsulated,  // holds the commit; pull_image() and ostree-ext take it out again
    plain,         // an ordinary root filesystem (ostree/export/plain_tar.hh)
};

struct ExportOptions {
    oci::LayerFormat compression;
    std::size_t max_layers = 64;  // in all; at least 3
    // The image of the build before, whose layers are to be kept. Layers of a base that others made are taken
    // over as they are (ostree/export/kept_layers.hh), where its source can hand out blobs.
    std::optional<oci::Image> previous;
    bool copies_blobs = true;                   // of `previous`: its source can
    std::map<std::string, std::string> labels;  // in addition, and before, those that the commit gives
    std::vector<std::string> cmd;
    unsigned jobs = 0;  // threads that work; 0: one a core
    ImageFormat format = ImageFormat::encapsulated;
};

struct ExportResult {
    CommitId commit;
    oci::Digest manifest_digest;
    std::vector<oci::Descriptor> layers;
};

// Writes the commit that `rev` names into `sink`, as an image that ostree-ext (bootc, rpm-ostree) and
// pull_image() take for that very commit. The same commit and options give the same bytes with any number of
// threads. Throws Error; then the sink's image has not become visible.
ExportResult export_commit(const Repository& repository, const std::string& rev, oci::ImageSink& sink,
                           const ExportOptions& options, Progress& progress);

}  // namespace osb::ostree

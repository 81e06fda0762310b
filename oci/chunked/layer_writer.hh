// Writing of layers: takes tar entries, writes a compressed blob, and returns its descriptor and digests.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/stream.hh"
#include "base/task_pool.hh"
#include "oci/chunked/ready_frames.hh"
#include "oci/chunked/zstd_chunked_toc.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/manifest.hh"
#include "oci/tar/tar_writer.hh"

namespace osb::oci {

// The compression of a layer, as the option --compression specifies it.
struct LayerFormat {
    enum class Kind { none, gzip, zstd, zstd_chunked };
    Kind kind = Kind::zstd_chunked;
    std::optional<int> level;  // nullopt: the default level of the kind

    // Parses "none", "gzip[:LEVEL]", "zstd[:LEVEL]" or "zstd:chunked[:LEVEL]". Throws Error{usage} with a
    // hint.
    static LayerFormat parse(std::string_view text);
    std::string to_string() const;
};

// A written layer.
struct WrittenLayer {
    Descriptor descriptor;       // includes the annotations of zstd:chunked
    Digest diff_id;              // of the uncompressed archive
    std::uint64_t tar_size = 0;  // bytes of the uncompressed archive
    std::optional<TocLocation> toc;
};

// Writes one layer: write the entries to tar(), then call finish().
class LayerWriter {
  public:
    LayerWriter() = default;
    LayerWriter(const LayerWriter&) = delete;
    LayerWriter& operator=(const LayerWriter&) = delete;
    virtual ~LayerWriter() = default;

    virtual TarWriter& tar() noexcept = 0;
    // Takes frames of an earlier layer; nullptr if the format has none that could be used again.
    virtual ReadyFrames* ready_frames() noexcept { return nullptr; }
    // Ends the archive. Call it once, last. The owner of the blob then ends the blob with the returned
    // digest.
    virtual WrittenLayer finish() = 0;
};

// Creates a writer. `blob` (usually a BlobUpload) and `pool` are borrowed. `pool` may be null; otherwise the
// calling thread must be one of its producers. Throws Error{usage} for a level that the format does not have.
std::unique_ptr<LayerWriter> make_layer_writer(Sink& blob, const LayerFormat& format, TaskPool* pool);

}  // namespace osb::oci

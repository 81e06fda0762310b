// A layer on its way out: entries in, a compressed blob and its descriptor out, hashed as it passes.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/stream.hh"
#include "base/task_pool.hh"
#include "oci/chunked/zstd_chunked_toc.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/manifest.hh"
#include "oci/tar/tar_writer.hh"

namespace osb::oci {

// How a layer is compressed, as --compression says it.
struct LayerFormat {
    enum class Kind { none, gzip, zstd, zstd_chunked };
    Kind kind = Kind::zstd_chunked;
    std::optional<int> level;  // none: the kind's default

    // "none", "gzip[:LEVEL]", "zstd[:LEVEL]" or "zstd:chunked[:LEVEL]". Throws Error{usage} with a hint.
    static LayerFormat parse(std::string_view text);
    std::string to_string() const;
};

struct WrittenLayer {
    Descriptor descriptor;       // with the annotations of zstd:chunked
    Digest diff_id;              // of the uncompressed archive
    std::uint64_t tar_size = 0;  // bytes of that
    std::optional<TocLocation> toc;
};

// Entries are written to tar(), then finish() ends the archive and the blob.
class LayerWriter {
  public:
    LayerWriter() = default;
    LayerWriter(const LayerWriter&) = delete;
    LayerWriter& operator=(const LayerWriter&) = delete;
    virtual ~LayerWriter() = default;

    virtual TarWriter& tar() noexcept = 0;
    // To be called once, last. The blob itself is ended by its owner, with the digest that this returns.
    virtual WrittenLayer finish() = 0;
};

// `blob` is borrowed (a BlobUpload as a rule), and so is `pool`, which may be null; the calling thread is
// then one of the pool's producers. Throws Error{usage} for a level that the format does not have.
std::unique_ptr<LayerWriter> make_layer_writer(Sink& blob, const LayerFormat& format, TaskPool* pool);

}  // namespace osb::oci

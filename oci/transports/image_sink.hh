// Where images are written to. One interface, whichever transport it stands for.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hh"
#include "base/stream.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/manifest.hh"

namespace osb::oci {

// One blob on its way. What was written is discarded unless finish() was reached.
class BlobUpload : public Sink {
  public:
    // Ends the blob: from now on it is there under `digest`. Throws Error{digest_mismatch} when that is not
    // the digest of what was written; then nothing is visible.
    virtual void finish(const Digest& digest) = 0;
};

// A blob was lost on its way, and its first bytes are gone here (registries forget uploads that break). It
// may be written again from its beginning; whoever can make its bytes anew should do that once or twice.
class UploadLost final : public Error {
  public:
    explicit UploadLost(std::string message) : Error(ErrorKind::unavailable, std::move(message)) {}
};

// An image being written. Blobs may be written by several threads at once.
class ImageSink {
  public:
    ImageSink() = default;
    ImageSink(const ImageSink&) = delete;
    ImageSink& operator=(const ImageSink&) = delete;
    virtual ~ImageSink() = default;

    // Whether the blob is there already (a registry may also mount it from another repository): it need not
    // be written.
    virtual bool has_blob(const Descriptor& descriptor) = 0;

    // Whether blobs may well be there already, and are dear to write: then it pays to make a large one twice,
    // first for its digest alone.
    virtual bool may_have_blobs() { return false; }

    // Begins a blob. `size` in bytes where it is known beforehand, which spares some transports a copy.
    virtual std::unique_ptr<BlobUpload> start_blob(std::optional<std::uint64_t> size) = 0;

    // Makes the image visible under the reference's name. To be called once, last: a name never stands for an
    // image whose blobs are not there.
    virtual void put_manifest(const std::string& raw, std::string_view media_type) = 0;
};

}  // namespace osb::oci

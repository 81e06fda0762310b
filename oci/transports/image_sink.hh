// The interface for image destinations, common to all transports.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.hh"
#include "base/log.hh"
#include "base/stream.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/manifest.hh"

namespace osb::oci {

// A blob that is being written. Without finish(), the destructor discards it.
class BlobUpload : public Sink {
  public:
    // Ends the blob and makes it available under `digest`. Throws Error{digest_mismatch} if the written bytes
    // have another digest; then the blob is not available.
    virtual void finish(const Digest& digest) = 0;
};

// The upload of a blob failed, and its first bytes are no longer in memory (registries drop interrupted
// uploads). The caller may write the blob again from its start, and should retry once or twice if it can
// reproduce the bytes.
class UploadLost final : public Error {
  public:
    explicit UploadLost(std::string message) : Error(ErrorKind::unavailable, std::move(message)) {}
};

// An image that is being written. Several threads may write blobs at once.
class ImageSink {
  public:
    ImageSink() = default;
    ImageSink(const ImageSink&) = delete;
    ImageSink& operator=(const ImageSink&) = delete;
    virtual ~ImageSink() = default;

    // True if the blob is available already, so that it need not be written. A registry may mount it from
    // another repository.
    virtual bool has_blob(const Descriptor& descriptor) = 0;

    // True if blobs are likely to be available already and expensive to write. Then it is worthwhile to
    // generate a large blob twice, first only for its digest.
    virtual bool may_have_blobs() { return false; }

    // Starts a blob. `size` is in bytes if it is known in advance; some transports then need no extra copy.
    virtual std::unique_ptr<BlobUpload> start_blob(std::optional<std::uint64_t> size) = 0;

    // Makes the image visible under the name of the reference. Call it once, last, so that a name never
    // points to an image with missing blobs.
    virtual void put_manifest(const std::string& raw, std::string_view media_type) = 0;
};

// Calls attempt(), which uploads a blob from its start, again if the upload is lost: three times at most.
template<typename Attempt>
auto repeat_lost_upload(std::string_view what, const Attempt& attempt) {
    constexpr unsigned kMaxUploads = 3;
    for (unsigned tries = 1;; ++tries) {
        try {
            return attempt();
        } catch (const UploadLost& error) {
            if (tries == kMaxUploads) throw;
            log_warning(concat(error.message(), "; ", what, " is sent again"));
        }
    }
}

// Writes a small blob, unless it is available already.
void put_blob(ImageSink& sink, const Descriptor& descriptor, ByteView bytes);

}  // namespace osb::oci

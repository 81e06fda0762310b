// The interface for image sources, common to all transports.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/manifest.hh"

namespace osb::oci {

// The maximum number of alternatives (tags, platforms) in an error message.
inline constexpr std::size_t kMaxListed = 16;

// A manifest or an index, as a transport returns it.
struct Document {
    std::string raw;
    std::string media_type;  // from the transport; "" if it is unknown
    // The digest that the name requires (a digest reference, a layout's descriptor); nullopt for a plain tag.
    std::optional<Digest> expected;
};

// A layer, as a transport returns it. It may differ from the blob in the manifest: containers-storage keeps
// layers uncompressed.
struct LayerBlob {
    std::unique_ptr<Source> bytes;  // not verified
    Digest digest;                  // the required digest of the bytes
    std::optional<std::uint64_t> size;
    Compression compression = Compression::none;  // from the media type, for decompress_layer()
    // The stored size in bytes, if the transport decompresses `bytes`. The limit for the decompressed size
    // depends on it.
    std::optional<std::uint64_t> packed_size{};
};

// What a source has transferred over the network so far; 0 for images on the local disk.
struct Traffic {
    std::uint64_t bytes = 0;     // of the bodies of all responses
    std::uint64_t requests = 0;  // all HTTP requests
    // What the link was seen to transfer while a request waits for its response; 0 if that is unknown, or if
    // the server is so near that it does not matter.
    std::uint64_t bytes_per_wait = 0;
};

// An opened image. Its bytes are not verified: open_image() and open_layer() in oci/transports/image.hh
// verify them. Several threads may open and read blobs at once.
class ImageSource {
  public:
    ImageSource() = default;
    ImageSource(const ImageSource&) = delete;
    ImageSource& operator=(const ImageSource&) = delete;
    virtual ~ImageSource() = default;

    // The document that the reference names. Throws Error{not_found}, which lists the available tags.
    virtual Document root() = 0;
    // Opens the blob of a descriptor (a manifest, an index, a config, a layer). Throws Error{not_found}.
    virtual std::unique_ptr<Source> open_blob(const Descriptor& descriptor) = 0;
    // Opens `length` bytes of a blob from `offset` on. The range must lie in the blob; more bytes may follow.
    // The default opens the blob and skips to the offset. Throws as open_blob(); Error{unsupported} with the
    // code no_ranges if the registry sends whole blobs only, which a source remembers.
    virtual std::unique_ptr<Source> open_range(const Descriptor& descriptor, std::uint64_t offset,
                                               std::uint64_t length);
    // Opens layer `index` of the image. The default opens the blob in the manifest, with the compression of
    // its media type.
    virtual LayerBlob open_layer(const Manifest& manifest, const ImageConfig& config, std::size_t index);
    // The manifests whose subject is `manifest`, only those of `artifact_type`, with their annotations. They
    // are not verified: read each by its digest. The default, for transports without them, is an empty list.
    // Throws Error{unavailable} if the registry fails.
    virtual std::vector<Descriptor> referrers(const Digest& manifest, const std::string& artifact_type);
    // Thread-safe.
    virtual Traffic traffic() const { return {}; }
};

// Reads a range of a blob without verification. The caller must limit `length`. Throws as open_range();
// Error{digest_mismatch} if the blob ends too early.
std::string read_range(ImageSource& source, const Descriptor& descriptor, std::uint64_t offset,
                       std::uint64_t length);

}  // namespace osb::oci

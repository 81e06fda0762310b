// Where images are read from. One interface, whichever transport it stands for.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "base/stream.hh"
#include "oci/documents/digest.hh"
#include "oci/documents/manifest.hh"

namespace osb::oci {

// The most names (tags, platforms) that a message lists of what there is instead.
inline constexpr std::size_t kMaxListed = 16;

// A manifest or an index, as a transport delivers it.
struct Document {
    std::string raw;
    std::string media_type;  // what the transport says; "" when it says nothing
    // The digest that the name promised (a digest reference, a layout's descriptor); nothing for a plain tag.
    std::optional<Digest> expected;
};

// A layer as a transport delivers it, which need not be the blob that the manifest names: containers-storage
// keeps layers uncompressed.
struct LayerBlob {
    std::unique_ptr<Source> bytes;  // not verified
    Digest digest;                  // that the bytes must have
    std::optional<std::uint64_t> size;
    Compression compression = Compression::none;  // as its type says: for decompress_layer()
    // How many bytes the transport has of it, where `bytes` are decompressed on the way: what they unpack to
    // is judged by that.
    std::optional<std::uint64_t> packed_size{};
};

// An opened image. The bytes that it yields are not verified: open_image() and open_layer() in
// oci/transports/image.hh do that. Blobs may be opened and read by several threads at once.
class ImageSource {
  public:
    ImageSource() = default;
    ImageSource(const ImageSource&) = delete;
    ImageSource& operator=(const ImageSource&) = delete;
    virtual ~ImageSource() = default;

    // The document that the reference names. Throws Error{not_found} naming the tags there are.
    virtual Document root() = 0;
    // The blob of a descriptor (a manifest, an index, a config, a layer). Throws Error{not_found}.
    virtual std::unique_ptr<Source> open_blob(const Descriptor& descriptor) = 0;
    // `length` bytes of it from `offset` on, which must lie in the blob; perhaps more follow. The default
    // opens the blob and passes over what comes before.
    virtual std::unique_ptr<Source> open_range(const Descriptor& descriptor, std::uint64_t offset,
                                               std::uint64_t length);
    // Layer `index` of the image. The default: the blob that the manifest names, compressed as its media type
    // says.
    virtual LayerBlob open_layer(const Manifest& manifest, const ImageConfig& config, std::size_t index);
};

// These bytes of a blob, not verified. The caller has bounded `length`. Throws as open_range();
// Error{digest_mismatch} when the blob ends before.
std::string read_range(ImageSource& source, const Descriptor& descriptor, std::uint64_t offset,
                       std::uint64_t length);

}  // namespace osb::oci

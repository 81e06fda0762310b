#include "ostree/export/kept_blob.hh"

#include <memory>
#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/hash.hh"
#include "base/interrupt.hh"
#include "oci/codec/decompress.hh"
#include "oci/codec/verified_source.hh"
#include "oci/documents/media_type.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kBuffer = 256UL * 1024;

// Copies the bytes that are read of the blob to the target.
class TeeSource final : public Source {
  public:
    TeeSource(std::unique_ptr<Source> inner, Sink& target) : inner_(std::move(inner)), target_(target) {}
    std::size_t read(MutableBytes buffer) override {
        check_interrupt();
        const std::size_t n = inner_->read(buffer);
        target_.write(ByteView(buffer).first(n));
        return n;
    }

  private:
    std::unique_ptr<Source> inner_;
    Sink& target_;
};

// Returns true if the blob unpacks to the layer. Reads no further than the layer's size, because a longer
// blob is another layer.
bool unpacks_to(Source& blob, const KeptLayer& layer) {
    const std::unique_ptr<Source> plain =
        oci::decompress(blob, oci::layer_compression(layer.descriptor.media_type));
    Hasher hasher(layer.diff_id.algorithm());
    std::vector<std::uint8_t> buffer(kBuffer);
    std::uint64_t left = layer.unpacked_size;
    while (const std::size_t n = plain->read(buffer)) {
        if (n > left) return false;
        left -= n;
        hasher.update(ByteView(buffer).first(n));
    }
    return hasher.finish_hex() == layer.diff_id.hex();
}

}  // namespace

bool copy_kept_blob(oci::ImageSource& source, const KeptLayer& layer, Sink& target) {
    const oci::Descriptor& descriptor = layer.descriptor;
    oci::VerifiedSource blob(std::make_unique<TeeSource>(source.open_blob(descriptor), target),
                             descriptor.digest, descriptor.size);
    if (!layer.is_verified) {
        try {
            if (!unpacks_to(blob, layer)) return false;
        } catch (const Error& error) {
            // The blob does not have the compression of its media type.
            if (error.kind() == ErrorKind::invalid || error.kind() == ErrorKind::unsupported) return false;
            throw;
        }
    }
    blob.finish();
    return true;
}

}  // namespace osb::ostree

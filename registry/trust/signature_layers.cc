#include "registry/trust/signature_layers.hh"

#include "base/base64.hh"
#include "base/error.hh"
#include "base/stream.hh"
#include "registry/trust/simple_signing.hh"

namespace osb::registry {

std::vector<ImageSignature> read_payload_layers(oci::ImageSource& source,
                                                const std::vector<oci::Descriptor>& layers,
                                                std::size_t limit) {
    std::vector<ImageSignature> out;
    for (const oci::Descriptor& layer : layers) {
        if (out.size() >= limit) break;
        if (oci::media_type_essence(layer.media_type) != kPayloadType) continue;
        const auto annotation = layer.annotations.find(kSignatureAnnotation);
        if (annotation == layer.annotations.end()) continue;
        std::optional<std::string> signature = decode_base64(annotation->second);
        if (!signature) continue;
        // Anyone who can write to the repository can add signatures. A large payload is skipped, so that it
        // does not hide the others.
        if (layer.size > kMaxPayload) continue;
        out.push_back(
            {.payload = read_signature_blob(source, layer, kMaxPayload), .signature = std::move(*signature)});
    }
    return out;
}

std::string read_signature_blob(oci::ImageSource& source, const oci::Descriptor& layer, std::size_t limit) {
    if (layer.size > limit) {
        throw Error(ErrorKind::too_large,
                    concat("a signature of ", layer.size, " bytes; the limit is ", limit));
    }
    std::string out = read_all(*source.open_blob(layer), limit, "a signature");
    if (out.size() != layer.size || oci::Digest::of(as_bytes(out), layer.digest.algorithm()) != layer.digest)
        throw Error(ErrorKind::digest_mismatch, "a signature does not match its digest");
    return out;
}

}  // namespace osb::registry

#include "registry/trust/signature_layers.hh"

#include "base/base64.hh"
#include "base/error.hh"
#include "base/stream.hh"
#include "registry/trust/simple_signing.hh"

namespace osb::registry {

bool is_about_content(ErrorKind kind) noexcept {
    return kind == ErrorKind::invalid || kind == ErrorKind::unsupported || kind == ErrorKind::too_large ||
           kind == ErrorKind::digest_mismatch || kind == ErrorKind::not_found;
}

FoundSignatures read_payload_layers(oci::ImageSource& source, const std::vector<oci::Descriptor>& layers,
                                    std::size_t limit) {
    FoundSignatures out;
    std::size_t tried = 0;
    for (const oci::Descriptor& layer : layers) {
        if (tried >= limit) break;
        if (oci::media_type_essence(layer.media_type) != kPayloadType) continue;
        const auto annotation = layer.annotations.find(kSignatureAnnotation);
        if (annotation == layer.annotations.end()) continue;
        std::optional<std::string> signature = decode_base64(annotation->second);
        if (!signature || layer.size > kMaxPayload) continue;
        ++tried;
        try {
            out.signatures.push_back({.payload = read_signature_blob(source, layer, kMaxPayload),
                                      .signature = std::move(*signature)});
        } catch (const Error& error) {
            if (!is_about_content(error.kind())) throw;
            if (out.problem.empty())
                out.problem = concat("payload ", layer.digest.short_string(), ": ", error.message());
        }
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

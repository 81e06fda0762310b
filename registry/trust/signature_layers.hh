// Signatures in the layers of a manifest, as cosign stores payloads of "simple signing".
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/error.hh"
#include "oci/documents/manifest.hh"
#include "oci/transports/image_source.hh"
#include "registry/trust/image_signature.hh"

namespace osb::registry {

// The media type of a layer with a payload, and the annotation with its signature in Base64.
inline constexpr std::string_view kPayloadType = "application/vnd.dev.cosign.simplesigning.v1+json";
inline constexpr const char* kSignatureAnnotation = "dev.cosignproject.cosign/signature";

// True for an error about the content of a signature, which its writer is to blame for. Anyone who can write
// to the repository can add such a one, so it must not hide the others.
bool is_about_content(ErrorKind kind) noexcept;

// Reads at most `limit` signatures. Ignores layers of other types, without a signature, and with a payload
// above kMaxPayload. Skips payloads that are missing or wrong. Throws as read_signature_blob() otherwise.
FoundSignatures read_payload_layers(oci::ImageSource& source, const std::vector<oci::Descriptor>& layers,
                                    std::size_t limit);

// Reads a blob and verifies its size and digest. Throws Error: too_large above `limit`; digest_mismatch; as
// ImageSource::open_blob().
std::string read_signature_blob(oci::ImageSource& source, const oci::Descriptor& layer, std::size_t limit);

}  // namespace osb::registry

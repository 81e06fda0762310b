// Sigstore bundles, in which cosign 3 stores a signature: protobuf-specs, sigstore_bundle.proto.
#pragma once

#include <string_view>

#include "registry/trust/image_signature.hh"

namespace osb::registry {

// The maximum size of a bundle in bytes. cosign's have some kilobytes, certificates and proofs included.
inline constexpr std::size_t kMaxBundle = 256UL * 1024;

// True for the media type of a bundle, of any version.
bool is_bundle_type(std::string_view media_type);

// Parses an untrusted bundle of the versions 0.1 to 0.3. It must have exactly one content: an envelope with
// one signature and an in-toto statement, or the signature of an artifact's bytes. Certificates, time stamps
// and entries of a transparency log are not read: the signature counts by the key alone. Throws Error:
// invalid; unsupported for another version, payload type or hash; too_large above kMaxBundle.
ImageSignature parse_bundle(std::string_view text);

}  // namespace osb::registry

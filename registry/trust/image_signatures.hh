// The signatures of an image where cosign stores them: an image with the tag oci::signature_tag() in the same
// repository, or under this ref name in the same layout. Each layer is a payload, and its annotation is the
// signature.
#pragma once

#include <string>
#include <vector>

#include "oci/documents/digest.hh"
#include "oci/documents/reference.hh"
#include "registry/distribution/registry_access.hh"
#include "registry/trust/simple_signing.hh"

namespace osb::registry {

// A signature and the bytes that it signs. Nothing of it is verified.
struct ImageSignature {
    std::string payload;
    std::string signature;  // binary
};

// The maximum number of signatures of an image that are read; further ones, and payloads above kMaxPayload,
// are ignored.
inline constexpr std::size_t kMaxSignatures = 100;

// True if images of this transport can have signatures: docker and oci.
bool can_be_signed(const oci::Reference& image);

// Reads the signatures of the manifest; empty if it has none. Throws Error: invalid for a malformed image of
// signatures; unavailable if the registry fails, which is never taken for "not
// signed".
std::vector<ImageSignature> read_signatures(const oci::Reference& image, const oci::Digest& manifest,
                                            const RegistryOptions& options);

// Adds a signature to those of the manifest, and keeps them. Not atomic: of two writers at once, one may be
// lost.
void add_signature(const oci::Reference& image, const oci::Digest& manifest, const ImageSignature& signature,
                   const RegistryOptions& options);

}  // namespace osb::registry

// Verification of an image: by a policy before the image is used, and by one key for `osb-oci verify`.
#pragma once

#include <string>
#include <vector>

#include "oci/transports/image.hh"
#include "registry/distribution/registry_access.hh"
#include "registry/trust/image_signature.hh"
#include "registry/trust/policy.hh"
#include "registry/trust/signing_key.hh"

namespace osb::registry {

// Checks the image, whose manifest has `manifest` as its digest, against the policy of the options
// (RegistryOptions::policy, else the user's, else the system's; without one, everything is accepted). The
// digest is the one of the bytes that are then used, so a tag that moves meanwhile changes nothing. Fetches
// signatures only if a requirement needs them, and no layer. With RegistryOptions::require_signature, a
// policy that accepts the image without a signature is not enough.
//
// All requirements must hold, and one signature is enough for each. Throws Error: untrusted with the reason;
// not_found and invalid for a missing or malformed policy or key; unavailable if the registry fails.
void check_policy(const oci::Reference& image, const oci::Digest& manifest, const RegistryOptions& options);

// Opens the image as oci::open_image() does, with RegistryOptions::image_limits, and checks it.
oci::Image open_trusted_image(const oci::Reference& reference, const std::optional<oci::Platform>& platform,
                              const RegistryOptions& options);

// The claims of those of the signatures that are by this key and for that manifest. Their names are not
// compared with the image's. Attestations and payloads of another kind are left out. Throws Error.
std::vector<ImageClaim> claims_by(const PublicKey& key, const std::vector<ImageSignature>& signatures,
                                  const oci::Digest& manifest);
// The same for all signatures of the image at the mirrors; if those have none, for all at the registry. If
// one place has one, a failure to read the other is only logged. Throws as SignatureReader.
std::vector<ImageClaim> signatures_by(const PublicKey& key, const oci::Reference& image,
                                      const oci::Digest& manifest, const RegistryOptions& options);

}  // namespace osb::registry

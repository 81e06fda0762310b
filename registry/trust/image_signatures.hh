// The signatures of an image where cosign stores them. The older place is an image with the tag
// oci::signature_tag() in the same repository, or under this ref name in the same layout. Each layer is a
// payload, and its annotation is the signature. The newer place is manifests that refer to the image
// (registry/trust/referrer_signatures.hh).
#pragma once

#include <memory>
#include <optional>
#include <vector>

#include "oci/documents/digest.hh"
#include "oci/documents/reference.hh"
#include "registry/distribution/registry_access.hh"
#include "registry/trust/image_signature.hh"
#include "registry/trust/referrer_signatures.hh"

namespace osb::registry {

// The maximum number of signatures of an image that are read from one place; further ones, and payloads above
// kMaxPayload, are ignored.
inline constexpr std::size_t kMaxSignatures = 100;

// True if images of this transport can have signatures: docker and oci.
bool can_be_signed(const oci::Reference& image);

// Reads the signatures in the older place; empty if the image has none. A malformed image of signatures, and
// malformed, missing or wrong ones in it, are skipped, so that they hide neither the others nor those in the
// newer place. Throws Error{unavailable} if the registry fails, which is never taken for "not signed".
FoundSignatures read_tag_signatures(const oci::Reference& image, const oci::Digest& manifest,
                                    const RegistryOptions& options,
                                    Endpoints endpoints = Endpoints::registry);

// Reads the signatures of a manifest, each place once and not before it is asked for. The places are the
// older and the newer one at each mirror, and then the same at the registry. A mirror may have no signatures,
// older ones or wrong ones, so stop at those that are enough, not at the first that are found. Not
// thread-safe.
class SignatureReader {
  public:
    // Borrows the first two. Throws Error if the configuration of registries cannot be read.
    SignatureReader(const oci::Reference& image, const oci::Digest& manifest, const RegistryOptions& options);

    std::size_t places() const noexcept { return places_.size(); }
    bool is_mirror(std::size_t place) const { return places_.at(place).is_mirror; }
    // The signatures in the place; empty, with a warning, for a mirror that fails. Throws as
    // read_tag_signatures() and read_referrer_signatures().
    const FoundSignatures& at(std::size_t place);

  private:
    struct Place {
        std::shared_ptr<const DistributionClient> client;  // null for a layout
        bool is_mirror = false;
        bool is_tag = false;
        std::optional<FoundSignatures> found{};
    };
    FoundSignatures read(const Place& place) const;

    const oci::Reference& image_;
    const oci::Digest& manifest_;
    std::vector<Place> places_;
};

// Adds a signature in the older place to those of the manifest, and keeps them. Throws Error{invalid} if the
// image of signatures there is malformed. Not atomic: of two writers at
// once, one may be lost.
void add_signature(const oci::Reference& image, const oci::Digest& manifest, const ImageSignature& signature,
                   const RegistryOptions& options);

}  // namespace osb::registry

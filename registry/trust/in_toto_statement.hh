// The statement that cosign signs in a bundle: in-toto Attestation Framework, spec/v1/statement.md.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "oci/documents/digest.hh"

namespace osb::registry {

// The predicate type of a signature. All others are attestations: they say something about an image, such as
// how it was built or that it has faults, and do not approve it.
inline constexpr std::string_view kSignaturePredicate = "https://sigstore.dev/cosign/sign/v1";

// The name that a statement signs for the manifest, in the form HOST/NAME[:TAG]: the subject's `name`, else
// its annotation `docker-reference`, which `cosign sign -a docker-reference=NAME` writes. nullopt if it has
// neither, as by default. Parse a statement only after its signature was verified. Throws Error{invalid} for
// a malformed statement, for another predicate type, if no subject is the manifest, and for two names that
// differ.
std::optional<std::string> signed_name(std::string_view statement, const oci::Digest& manifest);

}  // namespace osb::registry

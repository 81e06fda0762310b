// The signed text of an image's signature: "simple signing" of containers/image
// (docs/containers-signature.5), as cosign writes it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "oci/documents/digest.hh"

namespace osb::registry {

// The maximum size in bytes of a payload, as in containers/image.
inline constexpr std::size_t kMaxPayload = 256UL * 1024;

// The statements of a payload.
struct SignedClaim {
    oci::Digest digest;                     // of the manifest
    std::string reference;                  // docker-reference: HOST/NAME[:TAG]
    std::optional<std::int64_t> timestamp;  // seconds since 1970
};

// The same claim always gives the same text.
std::string write_payload(const SignedClaim& claim, std::string_view creator);

// Parses a payload strictly: exactly the members that the format defines, each of its type. Parse it only
// after its signature was verified. Throws Error{invalid}.
SignedClaim parse_payload(std::string_view payload);

}  // namespace osb::registry

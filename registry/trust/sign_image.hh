// Signs an image so that cosign and containers/image verify it.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "oci/documents/digest.hh"
#include "oci/documents/reference.hh"
#include "registry/distribution/registry_access.hh"
#include "registry/trust/signing_key.hh"

namespace osb::registry {

// The options of sign_image().
struct SignOptions {
    std::string identity;              // HOST/NAME:TAG for the payload; "": the name of the image
    std::optional<std::int64_t> time;  // seconds since 1970; nullopt: now
};

// A manifest or index that has a signature by the key now.
struct SignedManifest {
    oci::Digest digest;
    std::string identity;
    bool added = false;  // false: it had the signature before
};

// Signs the manifest that the name points to. For an index, also signs each of its images: clients verify the
// image that they select. A signature by the same key for the same name is not added again. Throws Error:
// unsupported for a transport without signatures; usage if the name lacks a tag and no identity is given; as
// read_signatures() and add_signature().
std::vector<SignedManifest> sign_image(const oci::Reference& image, const PrivateKey& key,
                                       const SignOptions& options, const RegistryOptions& registry);

}  // namespace osb::registry

// The result of resolving the name of an image once. All further requests use digests, so a tag that moves
// meanwhile changes nothing.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "oci/transports/image.hh"
#include "registry/distribution/registry_access.hh"

namespace osb::system {

struct ResolvedImage {
    std::string reference;  // TRANSPORT:NAME
    oci::Digest digest;     // of the manifest for this machine
    // Returns the resolved document, whatever the name points to later.
    std::shared_ptr<oci::ImageSource> source;
    std::optional<oci::Platform> platform;  // the requested platform; nothing means this machine's
    registry::RegistryOptions options;

    // Reads manifest and config. Throws as oci::open_image().
    oci::Image open() const;
};

// Resolves `reference`, as oci::Reference::parse() accepts it, with one request to a registry (two if the
// name points to nested image indexes). Selects the image for `machine` from an image index. A single image
// is accepted for any platform. Checks the result against the policy, so nothing that is known of an image
// from before passes by it; the signatures that the policy asks for cost further requests. Throws Error, as
// registry::check_policy() among others.
ResolvedImage resolve_image(const std::string& reference, const registry::RegistryOptions& options,
                            const oci::Platform& machine);

}  // namespace osb::system

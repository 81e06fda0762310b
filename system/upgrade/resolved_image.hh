// What an image's name stands for at this moment, looked up once: all that follows goes by digests, so that a
// tag which moves meanwhile changes nothing.
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
    // Yields the document that was looked up, whatever the name stands for later.
    std::shared_ptr<oci::ImageSource> source;
    std::optional<oci::Platform> platform;  // that was asked for; nothing for this machine's

    // Reads manifest and config; throws as oci::open_image().
    oci::Image open() const;
};

// One request to a registry (two where the name stands for images of several platforms inside each other).
// `reference` as oci::Reference::parse() takes it; of images for several machines that for `machine` is
// meant, and one alone is taken whatever it is for. Throws Error.
ResolvedImage resolve_image(const std::string& reference, const registry::RegistryOptions& options,
                            const oci::Platform& machine);

}  // namespace osb::system

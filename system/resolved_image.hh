// What an image's name stands for at this moment, looked up once: all that follows goes by digests, so that a
// tag which moves meanwhile changes nothing.
#pragma once

#include <memory>
#include <string>

#include "oci/image.hh"
#include "registry/registry_access.hh"

namespace osb::system {

struct ResolvedImage {
    std::string reference;  // TRANSPORT:NAME
    oci::Digest digest;     // of the manifest for this machine
    // Yields the document that was looked up, whatever the name stands for later.
    std::shared_ptr<oci::ImageSource> source;

    // Reads manifest and config; throws as oci::open_image().
    oci::Image open() const;
};

// One request to a registry (two where the name stands for images of several platforms inside each other).
// `reference` as oci::Reference::parse() takes it. Throws Error.
ResolvedImage resolve_image(const std::string& reference, const registry::RegistryOptions& options);

}  // namespace osb::system

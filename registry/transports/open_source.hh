// Image sources by reference, for all transports.
#pragma once

#include <memory>
#include <optional>

#include "oci/documents/platform.hh"
#include "oci/documents/reference.hh"
#include "oci/transports/image_source.hh"
#include "registry/distribution/registry_access.hh"

namespace osb::registry {

// Opens a reference for reading. Layouts, directories and archives are read directly. Registries use the
// user's configuration and `options` (registry/distribution/registry_access.hh). docker-daemon uses the
// Docker Engine API (registry/docker/docker_daemon.hh), and containers-storage skopeo's image proxy
// (registry/skopeo/proxy_source.hh). `platform` is for transports that choose among the images of an index
// themselves, and for tarball, whose image gets it; pass it to oci::open_image() as well. Throws Error.
std::shared_ptr<oci::ImageSource> open_source(const oci::Reference& reference,
                                              const std::optional<oci::Platform>& platform = std::nullopt,
                                              const RegistryOptions& options = {});

}  // namespace osb::registry

// A reference opened for reading, whichever transport it names.
#pragma once

#include <memory>
#include <optional>

#include "oci/documents/platform.hh"
#include "oci/documents/reference.hh"
#include "oci/transports/image_source.hh"
#include "registry/distribution/registry_access.hh"

namespace osb::registry {

// Layouts and archives are read directly, registries as the user's configuration and `options` say
// (registry/distribution/registry_access.hh), containers-storage through the image proxy that skopeo offers
// (registry/skopeo/proxy_source.hh). `platform` is for transports that choose among the images of an index
// themselves; oci::open_image() takes it again. Throws Error.
std::shared_ptr<oci::ImageSource> open_source(const oci::Reference& reference,
                                              const std::optional<oci::Platform>& platform = std::nullopt,
                                              const RegistryOptions& options = {});

}  // namespace osb::registry

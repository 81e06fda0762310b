// A reference opened for reading, whichever transport it names.
#pragma once

#include <memory>
#include <optional>

#include "oci/image_source.hh"
#include "oci/platform.hh"
#include "oci/reference.hh"
#include "registry/registry_access.hh"

namespace osb::registry {

// Layouts and archives are read directly, registries as the user's configuration and `options` say
// (registry/registry_access.hh), containers-storage through the image proxy that skopeo offers
// (registry/proxy_source.hh). `platform` is for transports that choose among the images of an index
// themselves; oci::open_image() takes it again. Throws Error.
std::shared_ptr<oci::ImageSource> open_source(const oci::Reference& reference,
                                              const std::optional<oci::Platform>& platform = std::nullopt,
                                              const RegistryOptions& options = {});

}  // namespace osb::registry

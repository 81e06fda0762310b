// A reference opened, whichever transport it names.
#pragma once

#include <memory>

#include "oci/image_source.hh"
#include "oci/reference.hh"

namespace osb::registry {

// Layouts and archives are read directly; containers-storage and, for now, registries through the image proxy that
// skopeo offers (registry/proxy_source.hh). Throws Error.
std::shared_ptr<oci::ImageSource> open_source(const oci::Reference& reference);

}  // namespace osb::registry

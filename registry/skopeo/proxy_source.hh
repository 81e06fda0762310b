// Images that are read through skopeo's image proxy: containers-storage, and registries.
//
// What the proxy does that a reader should know: a manifest in Docker's format is converted to OCI's, and its
// config with it, so their digests are those of the converted documents; an index never shows, for the proxy
// chooses by platform. Layers of containers-storage come as plain tars, whatever the manifest says, because
// that is how they are stored; the proxy copies each into a temporary file while it is read, which is
// unlinked at once.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/documents/platform.hh"
#include "oci/documents/reference.hh"
#include "oci/transports/image_source.hh"

namespace osb::registry {

// Opens `reference` (containers_storage or docker). `platform`: which image of a manifest list, the host's by
// default. `program`: what to start, for tests. Each blob that is read at the same time as another takes a
// process of its own. Throws Error: not_found when there is no such image or no skopeo.
std::shared_ptr<oci::ImageSource> open_proxy_source(const oci::Reference& reference,
                                                    const std::optional<oci::Platform>& platform,
                                                    const std::vector<std::string>& program = {"skopeo"});

}  // namespace osb::registry

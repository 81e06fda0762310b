// Images that are read through skopeo's image proxy: containers-storage, and registries.
//
// The proxy changes what a reader sees. It converts a manifest in Docker's format and its config to OCI's, so
// their digests are those of the converted documents. It selects a platform itself, so an index is never
// visible. Layers of containers-storage are plain tars, whatever the manifest says, because the storage keeps
// them so. While a layer is read, the proxy copies it into a temporary file, which the source unlinks
// immediately.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "oci/documents/platform.hh"
#include "oci/documents/reference.hh"
#include "oci/transports/image_source.hh"

namespace osb::registry {

// Opens `reference` (containers_storage or docker). `platform`: selects the image of a manifest list; the
// host's by default. `program`: the command to start, for tests. Each concurrent read of a blob needs its own
// process. Throws Error: not_found if the image or skopeo does not exist.
std::shared_ptr<oci::ImageSource> open_proxy_source(const oci::Reference& reference,
                                                    const std::optional<oci::Platform>& platform,
                                                    const std::vector<std::string>& program = {"skopeo"});

}  // namespace osb::registry

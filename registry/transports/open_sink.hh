// Image destinations by reference, for all transports.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "oci/documents/reference.hh"
#include "oci/transports/image_sink.hh"
#include "registry/distribution/registry_access.hh"

namespace osb::registry {

// Opens a reference for writing. Layouts, directories, archives and registries are written directly;
// docker-daemon through the Docker Engine API (registry/docker/docker_daemon.hh), and containers-storage
// through skopeo (registry/skopeo/skopeo_sink.hh), both from a temporary archive. mount_from: repositories of
// the same registry, as in DistributionSinkOptions. Nothing is visible at the reference before
// put_manifest(). Throws Error; usage for tarball, and for a digest if the transport does not support it.
std::shared_ptr<oci::ImageSink> open_sink(const oci::Reference& reference,
                                          const RegistryOptions& options = {},
                                          std::vector<std::string> mount_from = {});

}  // namespace osb::registry

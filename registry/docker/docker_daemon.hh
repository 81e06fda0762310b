// Images in the storage of a Docker daemon: the transport docker-daemon:.
#pragma once

#include <memory>

#include "oci/documents/reference.hh"
#include "oci/transports/image_sink.hh"
#include "oci/transports/image_source.hh"
#include "registry/docker/docker_engine.hh"

namespace osb::registry {

// Fetches the image's archive from the daemon to an unnamed temporary file, and reads it as docker-archive:
// is read. The daemon has no manifest of the image, so the manifest is made as for docker-archive:, and the
// digest in a reference is not verified: the daemon chooses the image. Throws Error as DockerEngine::save()
// does.
std::shared_ptr<oci::ImageSource> open_daemon_source(const oci::Reference& reference,
                                                     const DockerEnvironment& environment);

// Writes the image to a temporary file ($TMPDIR, or else /var/tmp) as a docker-archive; put_manifest() sends
// it to the daemon. Contacts the daemon first, so that a wrong address fails early. Throws Error{usage} for a
// reference with a digest or an id; otherwise as DockerEngine::load() and create_docker_archive_sink() do.
std::unique_ptr<oci::ImageSink> create_daemon_sink(const oci::Reference& reference,
                                                   const DockerEnvironment& environment);

}  // namespace osb::registry

#include "registry/transports/open_sink.hh"

#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "oci/transports/directory_image.hh"
#include "oci/transports/docker_archive_sink.hh"
#include "oci/transports/layout_sink.hh"
#include "oci/transports/oci_archive_sink.hh"
#include "registry/docker/docker_daemon.hh"
#include "registry/skopeo/skopeo_sink.hh"

namespace osb::registry {

std::shared_ptr<oci::ImageSink> open_sink(const oci::Reference& reference, const RegistryOptions& options,
                                          std::vector<std::string> mount_from) {
    if (oci::source_index(reference.tag)) {
        throw Error(ErrorKind::usage, concat(quoted(reference.tag), " is a position, and can only be read"))
            .hint("write a tag instead");
    }
    switch (reference.transport) {
        case oci::Transport::oci:
            return oci::create_layout_sink(reference.location, reference.tag);
        case oci::Transport::oci_archive:
            return oci::create_oci_archive_sink(reference.location, reference.tag);
        case oci::Transport::docker:
            return RegistryAccess(options).open_sink(reference, {.mount_from = std::move(mount_from)});
        case oci::Transport::docker_archive:
            return oci::create_docker_archive_sink(reference.location, reference.tag);
        case oci::Transport::docker_daemon:
            return create_daemon_sink(reference, DockerEnvironment::read());
        case oci::Transport::directory:
            return oci::create_directory_sink(reference.location);
        case oci::Transport::containers_storage:
            return create_skopeo_sink(reference);
        case oci::Transport::tarball:
            throw Error(ErrorKind::usage, "tarball: can only be read")
                .hint("use oci-archive: or docker-archive: to write an archive");
    }
    throw Error(ErrorKind::internal, "a transport that cannot be written");
}

}  // namespace osb::registry

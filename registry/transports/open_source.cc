#include "registry/transports/open_source.hh"

#include "base/error.hh"
#include "oci/transports/directory_image.hh"
#include "oci/transports/docker_archive_source.hh"
#include "oci/transports/layout_source.hh"
#include "oci/transports/oci_archive_source.hh"
#include "oci/transports/tarball_source.hh"
#include "registry/docker/docker_daemon.hh"
#include "registry/skopeo/proxy_source.hh"

namespace osb::registry {

std::shared_ptr<oci::ImageSource> open_source(const oci::Reference& reference,
                                              const std::optional<oci::Platform>& platform,
                                              const RegistryOptions& options) {
    switch (reference.transport) {
        case oci::Transport::oci:
            return oci::open_layout(reference.location, reference.tag);
        case oci::Transport::oci_archive:
            return oci::open_oci_archive(reference.location, reference.tag);
        case oci::Transport::docker_archive:
            return oci::open_docker_archive(reference.location, reference.tag);
        case oci::Transport::directory:
            return oci::open_directory_image(reference.location);
        case oci::Transport::tarball:
            return oci::open_tarballs(reference.files(), platform ? *platform : oci::Platform::host());
        case oci::Transport::docker_daemon:
            return open_daemon_source(reference, DockerEnvironment::read());
        case oci::Transport::docker:
            return RegistryAccess(options).open_source(reference);
        case oci::Transport::containers_storage:
            return open_proxy_source(reference, platform);
    }
    throw Error(ErrorKind::internal, "a transport that cannot be read");
}

}  // namespace osb::registry

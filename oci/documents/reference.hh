// Image names with a transport, in the notation of containers-transports(5).
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace osb::oci {

enum class Transport { docker, oci, oci_archive, docker_archive, containers_storage };

// "docker", "oci", ...
std::string_view to_string(Transport transport) noexcept;

// A parsed image name.
struct Reference {
    Transport transport = Transport::oci;
    // docker: host[:port]/name without tag and digest; a name without a host is on docker.io, as in podman.
    // oci: a directory. *-archive: a file, "-" for standard input. containers-storage: the name as podman
    // knows it, including tag or digest.
    std::string location;
    std::string tag;     // "" if there is none, or if there is a digest
    std::string digest;  // docker only: "sha256:..."; else ""

    // Parses docker://HOST/NAME[:TAG|@DIGEST], oci:DIR[:TAG], oci-archive:FILE[:TAG],
    // docker-archive:FILE[:TAG] or containers-storage:NAME. In transports with a path, the first ':'
    // separates path and tag. Throws Error{usage} with a hint for an unknown transport, an empty name, or
    // text that violates the grammar of names and tags (distribution specification, "Pulling manifests"). The
    // tag of an image layout may also use the characters of annotations.md,
    // org.opencontainers.image.ref.name.
    static Reference parse(std::string_view text);

    std::string to_string() const;
    // The last part of the name, for a default ref: "quay.io/x/my-os:1" -> "my-os". For a layout it is the
    // directory if the tag is only a version: oci:/srv/out:v1 -> "out". It has only the characters
    // [a-zA-Z0-9._-] and does not start with '.' or '-'. It is never empty; the fallback is "image".
    std::string short_name() const;
};

}  // namespace osb::oci

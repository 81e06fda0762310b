// The name of an image: transport and place, as containers-transports(5) writes it.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace osb::oci {

enum class Transport { docker, oci, oci_archive, docker_archive, containers_storage };

// "docker", "oci", ...
std::string_view to_string(Transport transport) noexcept;

struct Reference {
    Transport transport = Transport::oci;
    // docker: host[:port]/name without tag and digest; a name without a host is at docker.io, as for podman.
    // oci: directory. *-archive: file, "-" for standard input. containers-storage: the name as podman knows
    // it, tag or digest included.
    std::string location;
    std::string tag;     // "" when none is given, or where a digest is
    std::string digest;  // docker only: "sha256:..."; else ""

    // docker://HOST/NAME[:TAG|@DIGEST], oci:DIR[:TAG], oci-archive:FILE[:TAG], docker-archive:FILE[:TAG],
    // containers-storage:NAME. In the path transports the first ':' splits path from tag. Throws Error{usage}
    // with a hint: unknown transport, empty name, text that breaks the grammar of names and tags
    // (distribution specification, "Pulling manifests"; a tag of an image layout may also hold the characters
    // of annotations.md, org.opencontainers.image.ref.name).
    static Reference parse(std::string_view text);

    std::string to_string() const;
    // The last part of the name, for a default ref: "quay.io/x/my-os:1" -> "my-os"; oci:/srv/out:v1 -> "out"
    // when the tag is a mere version, and never empty ("image" at the worst). Only [a-zA-Z0-9._-], not
    // leading '.' or '-'.
    std::string short_name() const;
};

}  // namespace osb::oci

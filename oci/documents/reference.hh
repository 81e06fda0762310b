// Image names with a transport, in the notation of containers-transports(5).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "oci/documents/digest.hh"

namespace osb::oci {

enum class Transport {
    docker,
    oci,
    oci_archive,
    docker_archive,
    containers_storage,
    directory,
    tarball,
    docker_daemon
};

// "docker", "oci", ...
std::string_view to_string(Transport transport) noexcept;

// A parsed image name.
struct Reference {
    Transport transport = Transport::oci;
    // docker: host[:port]/name without tag and digest; a name without a host is on docker.io, as in podman.
    // docker-daemon: a name as for docker; "" if `digest` is the id of an image. oci, dir: a directory.
    // *-archive: a file, "-" for standard input or output. tarball: files, separated by ':'; see files().
    // containers-storage: the name as podman knows it, including tag or digest.
    std::string location;
    std::string tag;  // "@N" for a position in oci and *-archive, see source_index(); "" if there is none, or
                      // if there is a digest; never "" for a name in docker-daemon
    std::string digest;  // docker and docker-daemon only: "sha256:..."; else ""

    // Parses docker://HOST/NAME[:TAG|@DIGEST], docker-daemon:NAME[:TAG|@DIGEST], docker-daemon:sha256:ID,
    // oci:DIR[:TAG|:@N], dir:PATH, oci-archive:FILE[:TAG|:@N], docker-archive:FILE[:TAG|:@N],
    // tarball:FILE[:FILE...] or containers-storage:NAME. In oci and *-archive, the first ':' separates path
    // and tag. A name without tag and digest in docker-daemon has the tag "latest". Throws Error{usage} with
    // a hint for an unknown transport, an empty name, or text that violates the grammar of names and tags
    // (distribution specification, "Pulling manifests"). The tag of an image layout may also use the
    // characters of annotations.md, org.opencontainers.image.ref.name.
    static Reference parse(std::string_view text);

    // True if the text begins with a known transport.
    static bool has_transport(std::string_view text) noexcept;
    // True if the text is meant as an image, even if parse() refuses it: for arguments that may also be a
    // ref, a commit or a directory.
    static bool looks_like_image(std::string_view text) noexcept;

    // The same place with this digest instead of the tag.
    Reference with_digest(const Digest& other) const;

    std::string to_string() const;
    // The files of tarball, in order.
    std::vector<std::string> files() const;
    // The last part of the name, for a default ref: "quay.io/x/my-os:1" -> "my-os". For a layout it is the
    // directory if the tag is only a version: oci:/srv/out:v1 -> "out". For tarball it is the first file
    // without version and architecture: alpine-minirootfs-3.20.3-x86_64.tar.gz -> "alpine-minirootfs". For
    // the id of an image it is the first digits of the id. It has only the characters
    // [a-zA-Z0-9._-] and does not start with '.' or '-'. It is never empty; the fallback is "image".
    std::string short_name() const;
};

// Completes a name as docker and podman do: "alpine" -> "docker.io/library/alpine:latest". A digest is
// rejected, because an archive of docker save cannot hold one. Throws Error{usage}.
std::string full_image_name(std::string_view name);

// The position of an image in index.json or manifest.json, counted from 0, that a tag of the form "@N" stands
// for; nullopt for any other tag. It is the only name of an image without a tag among others.
std::optional<std::size_t> source_index(std::string_view tag) noexcept;

}  // namespace osb::oci

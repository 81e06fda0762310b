// Images in archives of `docker save` and `podman save`.
#pragma once

#include <memory>
#include <string>

#include "oci/transports/image_source.hh"

namespace osb::oci {

// file: a path, or "-" for standard input (see ArchiveIndex). tag: one of the image's RepoTags; "" selects
// the only image.
//
// Such an archive has no manifest as the image specification defines it, so the source generates a Docker
// schema 2 manifest. It has the digest of the config, and the diffID of each layer as an uncompressed tar.
// The same image gives the same manifest. Compressed layers are decompressed while they are read. Throws
// Error as open_oci_archive() does.
std::shared_ptr<ImageSource> open_docker_archive(const std::string& file, const std::string& tag);

// Reads an archive with a single image from a stream, and copies it to an unnamed file (see ArchiveIndex).
// Messages call it `name`. Throws as open_docker_archive().
std::shared_ptr<ImageSource> read_docker_archive(Source& stream, const std::string& name);

}  // namespace osb::oci

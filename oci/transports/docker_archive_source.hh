// Images in the archives that `docker save` and `podman save` write.
#pragma once

#include <memory>
#include <string>

#include "oci/transports/image_source.hh"

namespace osb::oci {

// file: a path, or "-" for standard input (see ArchiveIndex). tag: one of the image's RepoTags, "" for the
// only image.
//
// Such an archive has no manifest in the sense of the image specification, so one is made up, the same for
// the same image: Docker schema 2, the config by its digest, each layer by its diffID as an uncompressed tar.
// A layer that the archive holds compressed is decompressed on the way. Throws Error as open_oci_archive()
// does.
std::shared_ptr<ImageSource> open_docker_archive(const std::string& file, const std::string& tag);

}  // namespace osb::oci

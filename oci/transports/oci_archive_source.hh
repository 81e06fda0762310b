// Images in an archive of an image layout, as written by `skopeo copy ... oci-archive:` and `podman save
// --format oci-archive`.
#pragma once

#include <memory>
#include <string>

#include "oci/transports/image_source.hh"

namespace osb::oci {

// file: a path, or "-" for standard input (see ArchiveIndex). tag: as for open_layout().
std::shared_ptr<ImageSource> open_oci_archive(const std::string& file, const std::string& tag);

}  // namespace osb::oci

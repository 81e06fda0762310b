// Writes an image as an archive that `docker load`, `podman load` and skopeo read.
#pragma once

#include <memory>
#include <string>

#include "oci/transports/image_sink.hh"

namespace osb::oci {

// file: a path, or "-" for standard output; written as an archive of an image layout is, see
// create_oci_archive_sink(). tag: the name of the image, which is completed as docker does; "" for none.
//
// The format is that of docker 1.10 and newer: the config, the layers, and manifest.json, which lists them.
// It has no other manifest, so a reader sees another manifest digest than the writer. Layers are stored as
// they are given: plain or compressed with gzip. put_manifest() throws Error{unsupported} for layers with
// another compression. Throws Error{usage} for a tag that is not a name.
std::unique_ptr<ImageSink> create_docker_archive_sink(const std::string& file, const std::string& tag);
// Writes to `sink`, which is borrowed and must outlive the result.
std::unique_ptr<ImageSink> create_docker_archive_sink(Sink& sink, const std::string& tag);

}  // namespace osb::oci

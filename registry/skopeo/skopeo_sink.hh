// Images into places that only skopeo knows how to write: containers-storage and docker-archive.
#pragma once

#include <memory>
#include <vector>

#include "oci/documents/reference.hh"
#include "oci/transports/image_sink.hh"

namespace osb::registry {

// The image is written to a temporary archive ($TMPDIR, else /var/tmp), which `skopeo copy` takes to
// `reference` at the end. Docker's archive has a manifest of another format, so the image has another digest
// there. `program`: what to start, for tests. put_manifest() throws Error{not_found} when there is no skopeo,
// Error{io} with its last words when it fails.
std::unique_ptr<oci::ImageSink> create_skopeo_sink(const oci::Reference& reference,
                                                   std::vector<std::string> program = {"skopeo"});

}  // namespace osb::registry

// Image destinations that only skopeo can write: containers-storage.
#pragma once

#include <memory>
#include <vector>

#include "oci/documents/reference.hh"
#include "oci/transports/image_sink.hh"

namespace osb::registry {

// Writes the image to a temporary archive ($TMPDIR, or else /var/tmp), which `skopeo copy` finally copies to
// `reference`. `program`: the command to start, for tests. put_manifest() throws Error{not_found} if skopeo
// does not exist, Error{io} with the end of its standard error if it fails.
std::unique_ptr<oci::ImageSink> create_skopeo_sink(const oci::Reference& reference,
                                                   std::vector<std::string> program = {"skopeo"});

}  // namespace osb::registry

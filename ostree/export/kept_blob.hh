// Copies the blob of a kept layer from the previous image.
#pragma once

#include "base/stream.hh"
#include "oci/transports/image_source.hh"
#include "ostree/export/kept_layers.hh"

namespace osb::ostree {

// Copies the blob to `target` and checks its digest and size. Unless this blob is already known for the layer
// (KeptLayer::is_verified), also checks that it unpacks to the layer. Returns false if it does not: then
// `target` has the bytes of another layer. Throws Error{digest_mismatch} for a blob that does not match the
// manifest, and the errors of reading and writing.
bool copy_kept_blob(oci::ImageSource& source, const KeptLayer& layer, Sink& target);

}  // namespace osb::ostree

// The blob of a kept layer, copied from the previous image.
#pragma once

#include "base/stream.hh"
#include "oci/transports/image_source.hh"
#include "ostree/export/kept_layers.hh"

namespace osb::ostree {

// Copies the blob to `target` and checks its digest and size; unless the layer is known by this very blob
// (KeptLayer::is_verified), also that it unpacks to the layer. False when it does not: then `target` has the
// bytes of another layer. Throws Error{digest_mismatch} for a blob that is not what the manifest says, and
// what reading and writing throw.
bool copy_kept_blob(oci::ImageSource& source, const KeptLayer& layer, Sink& target);

}  // namespace osb::ostree

// The commit that an image holds, read before anything of the image is stored.
#pragma once

#include "base/stream.hh"
#include "oci/transports/image.hh"
#include "ostree/import/encapsulated_objects.hh"
#include "ostree/objects/remote_trust.hh"

namespace osb::ostree {

// Reads the commit and its detached metadata from the start of the image's first layer. The metadata count
// only if they follow the commit immediately, as docs/formats/encapsulated-image.md requires. Only the commit
// is verified, against its name: the blob is not read to its end. Throws Error: invalid for a first layer
// that does not begin with a commit; too_large if that is far into the layer; as ImageSource::open_layer().
Encapsulated read_held_commit(const oci::Image& image);

// The same, but fetches a range where the layer begins, if the source serves ranges and the commit fits into
// it. So the bytes are not verified against the layer, and the detached metadata are those of whoever sends
// it.
Encapsulated fetch_held_commit(const oci::Image& image);

// The same from the bytes of the layer's archive.
Encapsulated read_held_commit(Source& archive);

// Reads the commit likewise, and verifies that it has the signatures that `trust` requires. Stores nothing.
// Throws Error{untrusted} if not, and, before it reads a layer, for an image without a commit or with layers
// on top of one: their content is in no signed commit. Pass the commit to PullOptions::required_commit or
// ImportOptions::required_commit, because another request may return other bytes.
Encapsulated verify_held_commit(const oci::Image& image, const RemoteTrust& trust);

}  // namespace osb::ostree

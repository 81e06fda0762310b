// xz through liblzma. Layers are never in xz; the parts of ostree's static deltas are.
#pragma once

#include <memory>

#include "base/stream.hh"

namespace osb::oci {

// Decompresses the xz stream `inner`, which is borrowed. read() throws Error: invalid for a damaged or
// truncated stream, or bytes after it; too_large for a stream whose decoder needs more than 128 MiB.
std::unique_ptr<Source> unxz(Source& inner);

}  // namespace osb::oci

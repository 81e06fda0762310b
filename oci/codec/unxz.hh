// xz through liblzma: parts of ostree's static deltas, archives of images and root filesystems, layers.
#pragma once

#include <memory>

#include "base/stream.hh"

namespace osb::oci {

// Decompresses the xz stream `inner`, which is borrowed. read() throws Error: invalid for a damaged or
// truncated stream, or bytes after it; too_large for a stream whose decoder needs more than 128 MiB.
std::unique_ptr<Source> unxz(Source& inner);

// The same for a file: several streams may follow one another, with padding between and after them, as
// parallel compressors and `cat` write them.
std::unique_ptr<Source> unxz_file(Source& inner);

}  // namespace osb::oci

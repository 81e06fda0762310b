// bzip2 through libbz2: archives of images and root filesystems, and layers of old builders.
#pragma once

#include <memory>

#include "base/stream.hh"

namespace osb::oci {

// Decompresses the bzip2 file `inner`, which is borrowed. Several streams may follow one another, as pbzip2
// and `cat` write them. The CRC of each block and stream is checked. The decoder needs at most 4 MiB.
// read() throws Error{invalid} for a damaged or truncated stream, or other bytes after it.
std::unique_ptr<Source> unbzip2(Source& inner);

}  // namespace osb::oci

// The versions of the compression libraries.
#pragma once

#include <vector>

#include "base/library_version.hh"

namespace osb::oci {

// zstd, xz, zlib and bzip2 as they run, and ISA-L as it was compiled in, if it was. Thread-safe.
std::vector<LibraryVersion> codec_versions();

}  // namespace osb::oci

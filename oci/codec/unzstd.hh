// zstd (RFC 8878) through libzstd; see decompress.hh.
#pragma once

#include <memory>

#include "base/stream.hh"

namespace osb::oci {

// Decompresses all frames of the zstd stream `inner`, which is borrowed.
std::unique_ptr<Source> unzstd(Source& inner);

}  // namespace osb::oci

// zstd:chunked layers for tests.
#pragma once

#include <functional>
#include <string>

#include "oci/chunked/zstd_chunked_toc.hh"
#include "tests/support/memory_image.hh"

namespace osb::test {

// Writes the entries of an archive (TarBuilder) as zstd:chunked, with the archive that the writer makes of
// them.
MemoryLayer chunked_layer(const std::string& tar);

// The layer with another table of contents, and no tar-split data.
MemoryLayer with_table(const MemoryLayer& layer, const std::function<void(oci::Toc&)>& change);

}  // namespace osb::test

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

// What becomes of the tar-split data of a layer.
enum class TarSplit { removed, kept };

// The layer with another table of contents and a footer of 40 bytes, or of 64 if it keeps its tar-split data.
MemoryLayer with_table(const MemoryLayer& layer, const std::function<void(oci::Toc&)>& change,
                       TarSplit tar_split = TarSplit::removed);

}  // namespace osb::test

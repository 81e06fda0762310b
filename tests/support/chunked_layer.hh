// zstd:chunked layers for tests.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "oci/chunked/zstd_chunked_toc.hh"
#include "oci/tar/tar_split_reader.hh"
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

// The lines of a layer's tar-split data, and their text.
std::vector<oci::TarSplitLine> tar_split_lines(const MemoryLayer& layer);
std::string tar_split_text(const std::vector<oci::TarSplitLine>& lines);

// The layer with another table and other tar-split data.
MemoryLayer with_table_and_lines(const MemoryLayer& layer, const std::function<void(oci::Toc&)>& change,
                                 const std::vector<oci::TarSplitLine>& lines);

}  // namespace osb::test

// Maps of sparse files, which assign the stored bytes to offsets in the file: old GNU headers and the PAX
// formats 0.0, 0.1 and 1.0 (GNU tar manual, "Storing Sparse Files").
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/bytes.hh"
#include "oci/tar/tar_header.hh"

namespace osb::oci {

// A region of a sparse file with stored bytes.
struct SparseRegion {
    std::uint64_t offset = 0;  // in the file
    std::uint64_t length = 0;  // of the stored bytes
};

// The regions of one file, in order. Each add() checks its region, so that a bad map fails early.
class SparseMap {
  public:
    // Starts an empty map for a file of `apparent_size` bytes.
    void begin(std::uint64_t apparent_size, std::size_t max_regions);
    // Throws Error{invalid} for a region that overlaps the previous one or exceeds the file, Error{too_large}
    // for more than max_regions.
    void add(std::uint64_t offset, std::uint64_t length);

    std::uint64_t apparent_size() const noexcept { return apparent_size_; }
    // The number of bytes in all regions.
    std::uint64_t stored_size() const noexcept { return stored_size_; }
    const std::vector<SparseRegion>& regions() const noexcept { return regions_; }

  private:
    std::vector<SparseRegion> regions_;  // none is empty
    std::uint64_t apparent_size_ = 0;
    std::uint64_t stored_size_ = 0;
    std::uint64_t end_ = 0;  // of the last region
    std::size_t count_ = 0;
    std::size_t max_regions_ = 0;
};

// Returns the next block of the archive, which is valid until the next call. Throws Error{invalid} at the
// end.
using NextBlock = std::function<TarBlock()>;

// The apparent size in the header block of an old GNU sparse file (type 'S').
std::int64_t old_gnu_real_size(TarBlock header);

// Adds the map in this header block and in the blocks that continue it. Returns the number of those blocks.
// Unlike the other functions, it reads `header` before the first next_block().
std::uint64_t read_old_gnu_map(TarBlock header, const NextBlock& next_block, SparseMap& map);

// Adds the map before the data of a PAX 1.0 sparse file. Returns its size in bytes, a multiple of kTarBlock.
std::uint64_t read_pax_map(const NextBlock& next_block, SparseMap& map);

// Parses at most 19 decimal digits. Throws Error{invalid} naming `what`.
std::uint64_t parse_tar_decimal(std::string_view text, std::string_view what);

}  // namespace osb::oci

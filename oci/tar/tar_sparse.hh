// Where the stored bytes of a sparse file belong: the maps of old GNU headers and of the PAX formats 0.0, 0.1
// and 1.0 (GNU tar manual, "Storing Sparse Files").
#pragma once

#include <cstdint>
#include <functional>
#include <string_view>
#include <vector>

#include "base/bytes.hh"
#include "oci/tar/tar_header.hh"

namespace osb::oci {

struct SparseRegion {
    std::uint64_t offset = 0;  // in the file
    std::uint64_t length = 0;  // of the bytes stored for it
};

// The regions of one file, in order. Every add checks, so that a bad map is refused before it is long.
class SparseMap {
  public:
    // Nothing is added yet; the file has `apparent_size` bytes.
    void begin(std::uint64_t apparent_size, std::size_t max_regions);
    // Throws Error{invalid} for a region that overlaps the one before or leaves the file, Error{too_large}
    // for one too many.
    void add(std::uint64_t offset, std::uint64_t length);

    std::uint64_t apparent_size() const noexcept { return apparent_size_; }
    // The bytes of all regions.
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

// Gives the next block of the archive; it stays valid until the next call. Throws Error{invalid} at the end.
using NextBlock = std::function<TarBlock()>;

// The apparent size in the header block of an old GNU sparse file (type 'S').
std::int64_t old_gnu_real_size(TarBlock header);

// Adds the map in that header block and in the blocks that continue it. Returns how many those were. Unlike
// the others it reads `header` before the first next_block().
std::uint64_t read_old_gnu_map(TarBlock header, const NextBlock& next_block, SparseMap& map);

// Adds the map in front of the data of a PAX 1.0 sparse file. Returns the bytes it takes, a multiple of
// kTarBlock.
std::uint64_t read_pax_map(const NextBlock& next_block, SparseMap& map);

// A number of decimal digits, at most 19. Throws Error{invalid} naming `what`.
std::uint64_t parse_tar_decimal(std::string_view text, std::string_view what);

}  // namespace osb::oci

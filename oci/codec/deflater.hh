// Raw deflate (RFC 1951) in pieces that are compressed independently, so that several threads can write one
// stream. Used for gzip layers and for the files of an archive repository.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.hh"

namespace osb::oci {

// The maximum distance of a match, in bytes.
inline constexpr std::size_t kDeflateWindow = 32UL * 1024;

// A piece of a stream. It borrows its bytes.
struct DeflatePiece {
    // The bytes before the piece in the stream, for its first matches: at most the last kDeflateWindow of
    // them. May be empty.
    ByteView before;
    ByteView content;   // less than 2^30 bytes
    bool last = false;  // the last piece of the stream
};

// Compresses pieces. Concatenated pieces form one stream, even if different Deflaters of the same level made
// them. The same piece gives the same bytes. Not thread-safe.
class Deflater {
  public:
    Deflater() = default;
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;
    virtual ~Deflater() = default;

    // Compresses a piece up to a byte boundary. The result is valid until the next call.
    virtual ByteView compress(const DeflatePiece& piece) = 0;
};

// The level that selects ISA-L at its best level (about 10 % larger than zlib's default) if it was built in,
// otherwise a zlib level of similar compression.
inline constexpr int kFastDeflate = 0;

// level: 1 to 9 for zlib, or kFastDeflate.
std::unique_ptr<Deflater> make_deflater(int level);

// The CRC-32 of a gzip trailer.
std::uint32_t gzip_crc(ByteView bytes);
// Combines the CRCs of two consecutive pieces. `size` is that of the second piece in bytes.
std::uint32_t combine_gzip_crc(std::uint32_t first, std::uint32_t second, std::uint64_t size);

}  // namespace osb::oci

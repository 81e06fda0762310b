// Raw deflate (RFC 1951) made in pieces, each compressed by itself, so that several threads can make one
// stream: of gzip layers, and of the files of an archive repository.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.hh"

namespace osb::oci {

// Matches reach this far back.
inline constexpr std::size_t kDeflateWindow = 32UL * 1024;

struct DeflatePiece {
    // What comes before the piece in the stream, for its first matches: at most the last kDeflateWindow bytes
    // of it, and nothing is right, too.
    ByteView before;
    ByteView content;   // less than 2^30 bytes
    bool last = false;  // the stream ends with it
};

// Pieces that were compressed by any Deflaters of one level, set one after the other, are one stream. The
// same piece gives the same bytes. For use by one thread at a time.
class Deflater {
  public:
    Deflater() = default;
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;
    virtual ~Deflater() = default;

    // The piece, compressed and ended at a byte border. Valid until the next call.
    virtual ByteView compress(const DeflatePiece& piece) = 0;
};

// ISA-L at its best level where it was built in (about 10 % larger than zlib's default), else zlib at a level
// that is about as good.
inline constexpr int kFastDeflate = 0;

// level: 1 to 9, zlib's; or kFastDeflate.
std::unique_ptr<Deflater> make_deflater(int level);

// The CRC-32 of a gzip trailer, and that of two pieces of which the second has `size` bytes.
std::uint32_t gzip_crc(ByteView bytes);
std::uint32_t combine_gzip_crc(std::uint32_t first, std::uint32_t second, std::uint64_t size);

}  // namespace osb::oci

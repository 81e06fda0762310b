// Pieces of one deflate stream (RFC 1951), each compressed by itself: several threads can make one gzip
// member.
#pragma once

#include <cstdint>
#include <string>

#include "base/bytes.hh"

namespace osb::oci {

// Matches reach this far back.
inline constexpr std::size_t kDeflateWindow = 32UL * 1024;

struct DeflatePiece {
    ByteView
        before;  // what comes before the piece in the stream: its last kDeflateWindow bytes, or all of it
    ByteView content;   // less than 2^31 bytes
    bool last = false;  // the stream ends with it
};

// Appends the piece to `out`, ended at a byte border. level 1 to 9: zlib's; 0: the fast one, ISA-L's best
// where it was built in and else zlib's 4. The same piece gives the same bytes.
void deflate_piece(const DeflatePiece& piece, int level, std::string& out);

// The CRC-32 of RFC 1952; that of two strings one after the other, of which the second has `size` bytes.
std::uint32_t gzip_crc(ByteView bytes);
std::uint32_t combine_gzip_crc(std::uint32_t first, std::uint32_t second, std::uint64_t size);

}  // namespace osb::oci

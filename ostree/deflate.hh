// Raw deflate (RFC 1951) for the files of an archive repository.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

#include "base/bytes.hh"

namespace osb::ostree {

// Compresses a file in one or more pieces; the pieces, each compressed on its own and set one after the
// other, are one deflate stream, so that the pieces of a large file may be compressed by several threads.
// Each thread has its own.
class Deflater {
  public:
    Deflater() = default;
    Deflater(const Deflater&) = delete;
    Deflater& operator=(const Deflater&) = delete;
    virtual ~Deflater() = default;

    // Compresses one piece and appends it to `out`; `last` ends the stream. Pieces have at most 1 GiB.
    virtual void compress(ByteView piece, bool last, std::vector<std::uint8_t>& out) = 0;
};

// level 1 to 9: zlib at that level. 0: the fastest way that is about as small as zlib's default (10 %
// larger): ISA-L where it was built in, else zlib at its default.
std::unique_ptr<Deflater> make_deflater(int level);

}  // namespace osb::ostree

// Strict validation of deflate streams (RFC 1951).
#pragma once

#include <cstddef>
#include <memory>

#include "base/bytes.hh"

namespace osb::oci {

// Scans a raw deflate stream without decoding it. It rejects streams that ISA-L accepts but zlib and Go
// reject, most of all incomplete Huffman codes. Without it, a scanner could see another image than the
// machine, because only some programs could read the blob.
class DeflateCheck {
  public:
    DeflateCheck();
    ~DeflateCheck();
    DeflateCheck(const DeflateCheck&) = delete;
    DeflateCheck& operator=(const DeflateCheck&) = delete;

    // Starts a new stream. Also call it before the first one.
    void reset() noexcept;
    // Adds the next bytes. It checks the last thousand bytes only in a later call. Throws Error{invalid}.
    void update(ByteView bytes);
    // The decoder reports the end of the stream, `surplus` bytes before the end of the added bytes. Throws
    // Error{invalid}, also if the stream does not end there.
    void finish(std::size_t surplus);

  private:
    class Walk;
    std::unique_ptr<Walk> walk_;
};

}  // namespace osb::oci

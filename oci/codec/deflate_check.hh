// What a deflate stream (RFC 1951) must be like besides being decodable.
#pragma once

#include <cstddef>
#include <memory>

#include "base/bytes.hh"

namespace osb::oci {

// Walks through a raw deflate stream without decoding it, and refuses what zlib and Go refuse and ISA-L
// takes: incomplete Huffman codes before all. A blob that some programs can read and others cannot would show
// a scanner another image than the machine.
class DeflateCheck {
  public:
    DeflateCheck();
    ~DeflateCheck();
    DeflateCheck(const DeflateCheck&) = delete;
    DeflateCheck& operator=(const DeflateCheck&) = delete;

    // Begins a new stream. Called before the first too.
    void reset() noexcept;
    // The next bytes; the last thousand are looked at later. Throws Error{invalid}.
    void update(ByteView bytes);
    // The stream is said to have ended, `surplus` bytes before the end of those that were given. Throws
    // Error{invalid}, also when it ends elsewhere.
    void finish(std::size_t surplus);

  private:
    class Walk;
    std::unique_ptr<Walk> walk_;
};

}  // namespace osb::oci

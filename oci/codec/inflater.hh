// Raw deflate (RFC 1951) decoded, whichever library does it.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.hh"

namespace osb::oci {

// A decoder of one stream after the other.
class Inflater {
  public:
    // How far a decoder may read past the end of a deflate stream, in bytes.
    static constexpr std::size_t kMaxReadAhead = 8;
    // Bytes that a decoder takes or gives in one call: zlib and ISA-L count in 32 bits.
    static constexpr std::size_t kMaxCall = 1UL << 30U;

    struct Step {
        std::size_t consumed = 0;  // bytes taken from the front of `in`
        std::size_t produced = 0;  // bytes written to the front of `out`
        bool finished = false;     // the last block has ended and all of its output is out
        // When finished: the last bytes of those consumed, which lie behind the end of the deflate stream.
        std::array<std::uint8_t, kMaxReadAhead> read_ahead{};
        std::size_t read_ahead_size = 0;
    };

    Inflater() = default;
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    virtual ~Inflater() = default;

    // Begins a new stream. Called before the first too.
    virtual void reset() = 0;
    // Decodes as much as fits; `in` may be empty when output of earlier input is still to come. Throws
    // Error{invalid}.
    virtual Step inflate(ByteView in, MutableBytes out) = 0;
    // The CRC-32 of RFC 1952, carried on from `crc` (0 at the start).
    virtual std::uint32_t crc32(std::uint32_t crc, ByteView bytes) = 0;
};

// ISA-L's where it was built in, which is about four times as fast, else zlib's.
std::unique_ptr<Inflater> make_fast_inflater();
std::unique_ptr<Inflater> make_zlib_inflater();

}  // namespace osb::oci

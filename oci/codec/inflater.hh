// The interface for decoders of raw deflate (RFC 1951).
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>

#include "base/bytes.hh"

namespace osb::oci {

// Decodes one stream after another. Not thread-safe.
class Inflater {
  public:
    // The maximum number of bytes that a decoder reads beyond the end of a deflate stream.
    static constexpr std::size_t kMaxReadAhead = 8;
    // The maximum size of `in` and `out` in one call: zlib and ISA-L count in 32 bits.
    static constexpr std::size_t kMaxCall = 1UL << 30U;

    struct Step {
        std::size_t consumed = 0;  // bytes read from the front of `in`
        std::size_t produced = 0;  // bytes written to the front of `out`
        bool finished = false;     // the last block has ended, and all of its output was written
        // If finished: those of the last consumed bytes that are beyond the end of the deflate stream.
        std::array<std::uint8_t, kMaxReadAhead> read_ahead{};
        std::size_t read_ahead_size = 0;
    };

    Inflater() = default;
    Inflater(const Inflater&) = delete;
    Inflater& operator=(const Inflater&) = delete;
    virtual ~Inflater() = default;

    // Starts a new stream. Also call it before the first one.
    virtual void reset() = 0;
    // Decodes as much as fits. `in` may be empty if output of earlier input is pending. Throws
    // Error{invalid}.
    virtual Step inflate(ByteView in, MutableBytes out) = 0;
    // Continues the CRC-32 of RFC 1952 from `crc` (0 at the start).
    virtual std::uint32_t crc32(std::uint32_t crc, ByteView bytes) = 0;
};

// make_fast_inflater() uses ISA-L if it was built in, which is about four times as fast as zlib.
std::unique_ptr<Inflater> make_fast_inflater();
std::unique_ptr<Inflater> make_zlib_inflater();

}  // namespace osb::oci

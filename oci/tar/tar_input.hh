// The input stream of a tar reader, as blocks and runs of content, with the position in the stream.
#pragma once

#include <cstdint>
#include <memory>

#include "base/stream.hh"
#include "oci/tar/tar_header.hh"

namespace osb::oci {

// Reads ahead, so that a header needs no call of the decoder. Long content bypasses the buffer. Not
// thread-safe.
class TarInput {
  public:
    // `source` is borrowed and must outlive this object.
    explicit TarInput(Source& source);

    // True at the end of the stream.
    bool at_end();
    // Reads the next block, which is valid until the next call of any function. Throws Error{invalid} if the
    // stream ends inside the block.
    TarBlock take_block();
    // Reads as Source::read() does.
    std::size_t read(MutableBytes buffer);
    // Skips exactly `count` bytes. Throws Error{invalid} if the stream ends before.
    void skip(std::uint64_t count);
    // Skips the rest of a block. The stream may end instead, because the last block of an archive may be
    // short.
    void skip_padding(std::size_t count);
    // The bytes that were read ahead, otherwise the next bytes of the stream; empty at its end.
    ByteView take_some();

    // The number of bytes that were consumed.
    std::uint64_t position() const noexcept { return position_; }

  private:
    // Reads ahead until `want` bytes (at most a block) are buffered or the stream ends. Returns the number of
    // buffered bytes.
    std::size_t fill(std::size_t want);
    void take(std::size_t count) noexcept;

    Source& source_;
    std::unique_ptr<std::uint8_t[]> ahead_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::uint64_t position_ = 0;
};

// Throws the Error{invalid} for an archive that ends too early.
[[noreturn]] void throw_truncated_tar();

}  // namespace osb::oci

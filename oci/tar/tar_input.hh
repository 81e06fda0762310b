// The stream below a tar archive, in blocks and runs of content, with the position in it.
#pragma once

#include <cstdint>
#include <memory>

#include "base/stream.hh"
#include "oci/tar/tar_header.hh"

namespace osb::oci {

// Reads ahead, so that a header costs no call into the decoder; long content passes it by.
class TarInput {
  public:
    // `source` is borrowed.
    explicit TarInput(Source& source);

    // True at the end of the stream.
    bool at_end();
    // The next block, valid until the next call of any function. Throws Error{invalid} when the stream ends
    // in it.
    TarBlock take_block();
    // As Source::read.
    std::size_t read(MutableBytes buffer);
    // Passes over exactly `count` bytes. Throws Error{invalid} when the stream ends before.
    void skip(std::uint64_t count);
    // Passes over the rest of a block, which the last one of an archive may lack.
    void skip_padding(std::size_t count);
    // What was read ahead, or else the next bytes of the stream; none at its end.
    ByteView take_some();

    // How many bytes were taken.
    std::uint64_t position() const noexcept { return position_; }

  private:
    // Reads ahead until `want` bytes (a block at most) are there, or the stream ends. Returns how many there
    // are.
    std::size_t fill(std::size_t want);
    void take(std::size_t count) noexcept;

    Source& source_;
    std::unique_ptr<std::uint8_t[]> ahead_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::uint64_t position_ = 0;
};

// Throws the Error{invalid} for an archive that ends where it must not.
[[noreturn]] void throw_truncated_tar();

}  // namespace osb::oci

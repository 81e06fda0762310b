// tar-split: all bytes of a tar archive except the content of files, so that the archive can be reproduced
// byte for byte from the files. The format is one JSON object per line, as in github.com/vbatts/tar-split:
// segments of the archive (type 2, base64) and files (type 1, with the CRC-64 of the content).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "base/stream.hh"

namespace osb::oci {

// CRC-64 with the polynomial of ISO 3309, as Go's hash/crc64 computes it.
class Crc64 {
  public:
    void update(ByteView bytes) noexcept;
    std::uint64_t value() const noexcept { return ~state_; }
    void reset() noexcept { state_ = ~0ULL; }

  private:
    std::uint64_t state_ = ~0ULL;
};

// Writes the lines. Each header of the archive, extensions included, must be a separate segment, which starts
// with the padding of the previous file.
class TarSplitWriter {
  public:
    // `out` is borrowed and must outlive this object.
    explicit TarSplitWriter(Sink& out) noexcept : out_(out) {}

    void segment(ByteView bytes);
    // Adds an entry of the archive; size is 0 for an entry without content. `crc` is the CRC-64 of the
    // content.
    void file(std::string_view path, std::uint64_t size, std::uint64_t crc);

    // The number of bytes written.
    std::uint64_t size() const noexcept { return size_; }

  private:
    void write_line(std::string line);

    Sink& out_;
    std::uint64_t position_ = 0;
    std::uint64_t size_ = 0;
};

}  // namespace osb::oci

// tar-split: what of a tar archive is not the content of files, so that the archive can be made again, byte
// for byte, from the files alone. One JSON object a line, as github.com/vbatts/tar-split writes and reads
// them: segments of the archive (type 2, base64) and files (type 1, with the CRC-64 of the content).
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

// Writes the lines. Each header of the archive, extensions included, must be a segment of its own, which
// begins with the padding of the file before.
class TarSplitWriter {
  public:
    // `out` is borrowed.
    explicit TarSplitWriter(Sink& out) noexcept : out_(out) {}

    void segment(ByteView bytes);
    // An entry of the archive: with size 0 for all that have no content. `crc` is that of the content.
    void file(std::string_view path, std::uint64_t size, std::uint64_t crc);

    // Bytes written.
    std::uint64_t size() const noexcept { return size_; }

  private:
    void write_line(std::string line);

    Sink& out_;
    std::uint64_t position_ = 0;
    std::uint64_t size_ = 0;
};

}  // namespace osb::oci

// Byte streams. All reads and writes go through these two interfaces; hashing, limits and (de)compression
// wrap them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.hh"

namespace osb {

// A readable stream of bytes. Not thread-safe.
class Source {
  public:
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;

    // Reads at least one byte and at most buffer.size() bytes (> 0) to the front of buffer. Returns the
    // number of bytes, or 0 at the end of the stream and after it. Throws Error; Interrupted after a stop
    // request.
    virtual std::size_t read(MutableBytes buffer) = 0;

    // Skips up to `count` bytes. Returns the number of skipped bytes, which is less than count only at the
    // end of the stream. The default reads and discards. Throws as read() does.
    virtual std::uint64_t skip(std::uint64_t count);
};

// A writable stream of bytes. Not thread-safe.
class Sink {
  public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;

    // Writes all of `bytes` or throws Error.
    virtual void write(ByteView bytes) = 0;
};

// A Source over bytes in memory. It borrows the bytes, which must outlive it.
class MemorySource final : public Source {
  public:
    explicit MemorySource(ByteView bytes) noexcept : rest_(bytes) {}
    std::size_t read(MutableBytes buffer) override;
    std::uint64_t skip(std::uint64_t count) override;

  private:
    ByteView rest_;
};

// Reads to the end of the stream. Throws Error{too_large} naming `what` if the stream exceeds `limit` bytes.
std::string read_all(Source& source, std::size_t limit, std::string_view what);

// Reads until buffer is full or the stream ends. Returns the number of bytes.
std::size_t read_full(Source& source, MutableBytes buffer);

}  // namespace osb

// Bytes in motion: everything that is read or written goes through these two interfaces, and hashing, limits
// and (de)compression are wrappers around them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/bytes.hh"

namespace osb {

// A stream of bytes to read. Not for use by two threads at once.
class Source {
  public:
    Source() = default;
    Source(const Source&) = delete;
    Source& operator=(const Source&) = delete;
    virtual ~Source() = default;

    // Reads at least one byte and at most buffer.size() (> 0) into the front of buffer; returns how many, 0
    // at the end of the stream and from then on. Throws Error; Interrupted when the user asked to stop.
    virtual std::size_t read(MutableBytes buffer) = 0;

    // Passes over up to `count` bytes; returns how many, fewer than count only at the end of the stream.
    // Reads and discards unless the source can do better. Throws as read() does.
    virtual std::uint64_t skip(std::uint64_t count);
};

// Where bytes are written to. Not for use by two threads at once.
class Sink {
  public:
    Sink() = default;
    Sink(const Sink&) = delete;
    Sink& operator=(const Sink&) = delete;
    virtual ~Sink() = default;

    // Takes all of `bytes` or throws Error.
    virtual void write(ByteView bytes) = 0;
};

// A Source over bytes that somebody else owns and keeps alive.
class MemorySource final : public Source {
  public:
    explicit MemorySource(ByteView bytes) noexcept : rest_(bytes) {}
    std::size_t read(MutableBytes buffer) override;
    std::uint64_t skip(std::uint64_t count) override;

  private:
    ByteView rest_;
};

// Reads to the end of the stream. Throws Error{too_large} naming `what` as soon as more than `limit` bytes
// came.
std::string read_all(Source& source, std::size_t limit, std::string_view what);

// Reads until buffer is full or the stream ends; returns how many bytes were read.
std::size_t read_full(Source& source, MutableBytes buffer);

}  // namespace osb

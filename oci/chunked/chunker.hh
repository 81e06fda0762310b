// Content-defined chunking. A change in a file moves only the borders next to it, so most chunks of the old
// file occur again in the new one.
//
// The rule is that of containers/storage, so that podman finds our chunks in its own layers. A chunk ends
// where the low 16 bits of the second sum of a rolling checksum over the last 64 bytes (that of bup, after
// librsync) are all ones. Runs of at least 1024 zero bytes are chunks of their own. Two bounds differ from
// containers/storage, for better compression and less memory: a chunk has at least 384 KiB before the
// checksum can end it, and at most 1 MiB.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hh"

namespace osb::oci {

// Receives the chunks of a file. A data chunk arrives as any number of chunk_data() calls and one
// end_chunk(); a run of zeros arrives as a single zero_chunk().
class ChunkReceiver {
  public:
    ChunkReceiver() = default;
    ChunkReceiver(const ChunkReceiver&) = delete;
    ChunkReceiver& operator=(const ChunkReceiver&) = delete;
    virtual ~ChunkReceiver() = default;
    virtual void chunk_data(ByteView bytes) = 0;
    virtual void end_chunk() = 0;
    virtual void zero_chunk(std::uint64_t count) = 0;
};

// Splits the content of files into chunks. Not thread-safe.
class Chunker {
  public:
    static constexpr std::uint64_t kMinChunk = 384UL * 1024;
    static constexpr std::uint64_t kMaxChunk = 1024UL * 1024;
    static constexpr std::uint64_t kMinZeros = 1024;

    // `receiver` is borrowed and must outlive this object.
    explicit Chunker(ChunkReceiver& receiver) noexcept : receiver_(receiver) {}

    // Adds the next bytes of the file, in pieces of any size.
    void write(ByteView bytes);
    // Ends the file and its last chunk. The next write() starts another file.
    void finish();

  private:
    static constexpr std::uint32_t kWindow = 64;
    static constexpr std::uint32_t kCharOffset = 31;

    bool roll(std::uint8_t byte) noexcept;
    void restart_window() noexcept;
    void settle_zeros();
    void emit(ByteView bytes);
    void cut();

    ChunkReceiver& receiver_;
    std::array<std::uint8_t, kWindow> window_{};
    std::uint32_t at_ = 0;
    std::uint32_t sum1_ = kWindow * kCharOffset;
    std::uint32_t sum2_ = kWindow * (kWindow - 1) * kCharOffset;
    std::uint64_t rolled_ = 0;  // bytes of the current chunk in the checksum
    std::uint64_t zeros_ = 0;   // trailing zero bytes that were not passed on yet
    bool any_ = false;          // the current chunk has bytes
};

}  // namespace osb::oci

// Files cut where their content says so: a change moves only the borders next to it, so that chunks of the
// old file are found again in the new one.
//
// The rule is that of containers/storage, so that podman finds chunks of ours in its own layers: a border
// where the low 16 bits of the second sum of a rolling checksum over the last 64 bytes (bup's, after
// librsync) are all ones, and around runs of at least 1024 zero bytes. Ours differs in two bounds, for the
// sake of compression and memory: no border before 64 KiB of a chunk, and one at 512 KiB.
#pragma once

#include <array>
#include <cstdint>

#include "base/bytes.hh"

namespace osb::oci {

// Receives a file's content, cut: bytes of a chunk in any number of pieces, then its end; or a chunk of zeros
// whole.
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

class Chunker {
  public:
    static constexpr std::uint64_t kMinChunk = 64UL * 1024;
    static constexpr std::uint64_t kMaxChunk = 512UL * 1024;
    static constexpr std::uint64_t kMinZeros = 1024;

    // `receiver` is borrowed.
    explicit Chunker(ChunkReceiver& receiver) noexcept : receiver_(receiver) {}

    // The next bytes of the file, in pieces of any size.
    void write(ByteView bytes);
    // The file has ended: ends its last chunk. The next write() begins another file.
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
    std::uint64_t rolled_ = 0;  // bytes of the present chunk that the checksum has seen
    std::uint64_t zeros_ = 0;   // zero bytes that came last and were not given on
    bool any_ = false;          // the present chunk was given bytes
};

}  // namespace osb::oci

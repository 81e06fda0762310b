// zstd frames (RFC 8878), each compressed by itself.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/object_pool.hh"
#include "base/stream.hh"

namespace osb::oci {

inline constexpr int kMinZstdLevel = 1;
inline constexpr int kMaxZstdLevel = 22;

// Compresses at one level. Several threads may use it at once: each call takes a context of its own, which is
// kept for the next. The same bytes give the same frame.
class ZstdFrames {
  public:
    // Throws Error{usage} for a level outside 1 to 22.
    explicit ZstdFrames(int level);
    ~ZstdFrames();
    ZstdFrames(const ZstdFrames&) = delete;
    ZstdFrames& operator=(const ZstdFrames&) = delete;

    // Appends one frame that holds `content` to `out`. The frame says its size.
    void compress(ByteView content, std::string& out);
    // Appends one frame of `count` zero bytes.
    void compress_zeros(std::uint64_t count, std::string& out);

  private:
    struct Context;

    ObjectPool<Context> contexts_;
};

// A stream compressed into one frame, on the calling thread.
class ZstdStream final : public Sink {
  public:
    // `out` is borrowed. Throws Error{usage} as above.
    ZstdStream(Sink& out, int level);
    ZstdStream(const ZstdStream&) = delete;
    ZstdStream& operator=(const ZstdStream&) = delete;
    ~ZstdStream() override;

    void write(ByteView bytes) override;
    // Ends the frame. To be called once, last.
    void finish();

  private:
    struct Impl;
    void run(ByteView bytes, bool end);

    Sink& out_;
    std::unique_ptr<Impl> impl_;
};

}  // namespace osb::oci

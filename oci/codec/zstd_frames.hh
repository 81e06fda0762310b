// Independent zstd frames (RFC 8878).
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "base/object_pool.hh"
#include "base/stream.hh"

namespace osb::oci {

inline constexpr int kMinZstdLevel = 1;
inline constexpr int kMaxZstdLevel = 22;

// How thoroughly a frame is searched for matches: as libzstd does at `level`, with two changes.
// - short_matches: also for matches of three bytes, which machine code is full of. The depth of that search
//   does not depend on the level.
// - small_tables: at most 3 MiB for the tables of a context, instead of up to 18 MiB. Frames of a few hundred
//   KiB grow by less than 0.1 %.
struct ZstdSearch {
    int level = 0;  // 1 to 22
    bool short_matches = false;
    bool small_tables = false;
    friend bool operator==(const ZstdSearch&, const ZstdSearch&) = default;
};

// Compresses at one level, or as the caller asks for each frame. Thread-safe: each call uses a context of its
// own from a pool. The same bytes give the same frame.
class ZstdFrames {
  public:
    // Throws Error{usage} for a level outside 1 to 22.
    explicit ZstdFrames(int level);
    ~ZstdFrames();
    ZstdFrames(const ZstdFrames&) = delete;
    ZstdFrames& operator=(const ZstdFrames&) = delete;

    // Appends one frame with `content` to `out`. The frame header has the content size.
    void compress(ByteView content, std::string& out);
    // The same, with another search than that of the level.
    void compress(ByteView content, std::string& out, const ZstdSearch& search);
    // Appends one frame of `count` zero bytes.
    void compress_zeros(std::uint64_t count, std::string& out);

  private:
    struct Context;

    const int level_;
    ObjectPool<Context> contexts_;
};

// Decompresses single frames whose content has a known size. Not thread-safe.
class ZstdFrameReader {
  public:
    ZstdFrameReader();
    ~ZstdFrameReader();
    ZstdFrameReader(const ZstdFrameReader&) = delete;
    ZstdFrameReader& operator=(const ZstdFrameReader&) = delete;

    // Fills `content`. Throws Error{invalid} unless `frame` is exactly one frame with so many bytes of
    // content.
    void read(ByteView frame, MutableBytes content);

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

// Compresses a stream into a single frame, on the calling thread.
class ZstdStream final : public Sink {
  public:
    // `out` is borrowed. Throws Error{usage} for a level outside 1 to 22.
    ZstdStream(Sink& out, int level);
    ZstdStream(const ZstdStream&) = delete;
    ZstdStream& operator=(const ZstdStream&) = delete;
    ~ZstdStream() override;

    void write(ByteView bytes) override;
    // Ends the frame. Call it once, last.
    void finish();

  private:
    struct Impl;
    void run(ByteView bytes, bool end);

    Sink& out_;
    std::unique_ptr<Impl> impl_;
};

}  // namespace osb::oci

// Multi-threaded layer compression. The same bytes give the same compressed bytes, whatever the number of
// threads and the sizes of the writes.
#pragma once

#include <memory>

#include "base/stream.hh"
#include "base/task_pool.hh"

namespace osb::oci {

inline constexpr int kMaxGzipLevel = 9;
// The gzip level that selects ISA-L, or zlib's level 4 without ISA-L.
inline constexpr int kFastGzip = 0;
inline constexpr int kDefaultZstdLevel = 3;

// Compresses everything that is written to it into another sink.
class CompressingSink : public Sink {
  public:
    // Writes the rest. Call it once, last.
    virtual void finish() = 0;
};

// Writes a single gzip member (RFC 1952) of any length. level: kFastGzip to kMaxGzipLevel, else Error{usage}.
// `out` and `pool` are borrowed. If `pool` is null, the calling thread does all work; otherwise it must be
// one of the pool's producers.
std::unique_ptr<CompressingSink> gzip_sink(Sink& out, int level, TaskPool* pool);

// Writes zstd. `frames`: independent frames of 4 MiB each. `single`: one frame, which some readers need; the
// calling thread compresses it. level: 1 to 22, else Error{usage}.
enum class ZstdFraming { frames, single };
std::unique_ptr<CompressingSink> zstd_sink(Sink& out, int level, ZstdFraming framing, TaskPool* pool);

// Writes all bytes unchanged.
std::unique_ptr<CompressingSink> uncompressed_sink(Sink& out);

}  // namespace osb::oci

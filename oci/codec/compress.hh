// Layer compression on several threads. The same bytes, written in pieces of any size, give the same
// compressed bytes whatever the number of threads.
#pragma once

#include <memory>

#include "base/stream.hh"
#include "base/task_pool.hh"

namespace osb::oci {

inline constexpr int kMaxGzipLevel = 9;
// The level that ISA-L (or else zlib's level 4) stands for.
inline constexpr int kFastGzip = 0;
inline constexpr int kDefaultZstdLevel = 3;

// Compresses what is written into another sink.
class CompressingSink : public Sink {
  public:
    // Writes what is left. To be called once, last.
    virtual void finish() = 0;
};

// One gzip member (RFC 1952) whatever the length. level: kFastGzip to kMaxGzipLevel, else Error{usage}. `out`
// is borrowed, and so is `pool`, which may be null: then the calling thread does everything; else that is one
// of the pool's producers.
std::unique_ptr<CompressingSink> gzip_sink(Sink& out, int level, TaskPool* pool);

// zstd: one frame for each 4 MiB, compressed by themselves; or a single frame, which the calling thread makes
// and which some readers need. level: 1 to 22, else Error{usage}.
enum class ZstdFraming { frames, single };
std::unique_ptr<CompressingSink> zstd_sink(Sink& out, int level, ZstdFraming framing, TaskPool* pool);

// Passes everything through.
std::unique_ptr<CompressingSink> uncompressed_sink(Sink& out);

}  // namespace osb::oci

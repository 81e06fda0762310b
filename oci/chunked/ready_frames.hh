// Frames of an earlier layer for a file that a new layer holds as well, so that it need not be compressed
// again.
#pragma once

#include <vector>

#include "base/bytes.hh"
#include "base/hash.hh"
#include "oci/chunked/zstd_chunked_toc.hh"

namespace osb::oci {

// A file as the table of contents of the earlier layer has it.
struct ReadyFile {
    Sha256 digest{};               // of the content
    std::vector<TocChunk> chunks;  // cover the whole file
};

// Takes frames into a layer that is being written. For each file: begin_ready() before TarWriter::begin(),
// then add_ready() and the content of each chunk in turn. The caller vouches for the digests and that the
// frames decompress to the content. Not thread-safe.
class ReadyFrames {
  public:
    ReadyFrames() = default;
    ReadyFrames(const ReadyFrames&) = delete;
    ReadyFrames& operator=(const ReadyFrames&) = delete;
    virtual ~ReadyFrames() = default;

    // The next entry with content is this file, which is borrowed until its content ends.
    virtual void begin_ready(const ReadyFile& file) = 0;
    // The compressed bytes of the next chunk. Skip chunks of zeros, whose frames are made anew. Call it
    // before TarWriter::write() with the content of the chunk.
    virtual void add_ready(ByteView frame) = 0;
};

}  // namespace osb::oci

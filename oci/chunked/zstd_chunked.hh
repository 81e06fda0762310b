// Writes a layer as zstd:chunked. The blob has zstd frames that together decompress to the tar archive, with
// a frame border before and after the content of each file. So a client can fetch and decompress single
// files. Skippable frames follow: the table of contents, the tar-split data, and a footer with the positions
// of both. Other readers see plain zstd.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.hh"
#include "base/task_pool.hh"
#include "oci/chunked/chunker.hh"
#include "oci/chunked/ready_frames.hh"
#include "oci/chunked/zstd_chunked_toc.hh"
#include "oci/codec/ordered_pieces.hh"
#include "oci/tar/tar_split.hh"
#include "oci/tar/tar_writer.hh"

namespace osb::oci {

// The minimum size in bytes of a file that is split into chunks.
inline constexpr std::uint64_t kMinChunkedFile = 256UL * 1024;

// The sink and the observer of a TarWriter. Not thread-safe: one thread uses it, which must be a producer of
// `pool` unless that is null. All threads of the pool compress frames. The same entries give the same bytes,
// whatever the number of threads. Paths must be unique. Paths, link targets and names of extended attributes
// must be UTF-8, because the table of contents is JSON; others throw Error{unsupported}.
class ZstdChunkedWriter final : public Sink, public TarObserver, public ReadyFrames, private ChunkReceiver {
  public:
    // `blob` and `pool` are borrowed; `pool` may be null. level: of all frames; nullopt: each frame has the
    // search that suits its content (oci/chunked/frame_search.hh). Throws Error{usage} for a level outside 1
    // to 22.
    ZstdChunkedWriter(Sink& blob, std::optional<int> level, TaskPool* pool);
    ZstdChunkedWriter(const ZstdChunkedWriter&) = delete;
    ZstdChunkedWriter& operator=(const ZstdChunkedWriter&) = delete;
    ~ZstdChunkedWriter() override;

    void write(ByteView bytes) override;
    void begin_entry(const TarEntry& entry) override;
    void begin_content() override;
    void end_content() override;
    void end_entries() override;
    void begin_ready(const ReadyFile& file) override;
    void add_ready(ByteView frame) override;

    // Writes the skippable frames. Call it once, after TarWriter::finish(). Returns the position of the table
    // of contents. Returns nullopt if the table would exceed the limit of readers (kMaxToc, about 100000
    // files): the layer is then plain zstd.
    std::optional<TocLocation> finish();

  private:
    enum class Mode { header, whole_file, chunked_file, ready_file };
    struct Pending;
    struct Frame;
    class Batch;
    class Index;

    void chunk_data(ByteView bytes) override;
    void end_chunk() override;
    void zero_chunk(std::uint64_t count) override;

    void add_data(ByteView bytes);
    void end_frame(bool is_content);
    void add_ready_zeros();
    void submit_if_full();
    void submit_batch();
    void close_entry();
    void deliver(const Batch& batch);
    void take_frame(const Frame& frame, std::uint64_t offset);
    void emit_ready();
    void put(ByteView bytes);
    void begin_skippable(std::size_t size);
    TocRange put_skippable(const std::vector<std::string>& blocks, std::size_t size,
                           std::uint64_t uncompressed_size);

    Sink& blob_;
    std::uint64_t offset_ = 0;  // bytes of the blob written
    class Compressor;
    std::shared_ptr<Compressor> compressor_;
    OrderedPieces pieces_;
    std::unique_ptr<Index> index_;

    Mode mode_ = Mode::header;
    bool entry_open_ = false;  // its tar-split line is not written yet
    std::string segment_;      // bytes of headers that are not in a tar-split line yet
    Crc64 crc_;
    Hasher file_hash_;
    Chunker chunker_;
    std::shared_ptr<Batch> batch_;
    std::uint64_t frame_size_ = 0;      // bytes of the current frame
    const ReadyFile* ready_ = nullptr;  // the file that comes in frames, if the mode is or becomes ready_file
    std::size_t ready_chunks_ = 0;      // those of its chunks that were added
    std::deque<Pending> pending_;       // entries that are not in the table yet, in order
};

}  // namespace osb::oci

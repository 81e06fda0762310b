// A layer as zstd:chunked: zstd frames that together decompress to the tar archive, with a frame border
// before and after each file's content, so that single files can be fetched and decompressed alone; then
// skippable frames with the table of contents, the tar-split data and a footer that says where these are. Any
// other reader sees plain zstd.
#pragma once

#include <deque>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/stream.hh"
#include "base/task_pool.hh"
#include "oci/chunked/chunker.hh"
#include "oci/chunked/zstd_chunked_toc.hh"
#include "oci/codec/ordered_pieces.hh"
#include "oci/codec/zstd_frames.hh"
#include "oci/tar/tar_split.hh"
#include "oci/tar/tar_writer.hh"

namespace osb::oci {

// The lowest level at which layers of a real system are no larger than with gzip -6: from it on libzstd looks
// for matches of three bytes in frames of up to 256 KiB, which machine code is full of (docs/performance.md).
inline constexpr int kDefaultChunkedLevel = 14;
// Files from this size on are cut into chunks.
inline constexpr std::uint64_t kMinChunkedFile = 256UL * 1024;

// Takes what a TarWriter writes, as its sink and as its observer. One thread uses it, a producer of `pool`
// where there is one; the frames are compressed on all threads of the pool, and the same entries give the
// same bytes whatever their number. Paths, targets and names of extended attributes must be UTF-8, else
// Error{unsupported}: the table of contents is JSON. Paths must be unique.
class ZstdChunkedWriter final : public Sink, public TarObserver, private ChunkReceiver {
  public:
    // `blob` is borrowed, and so is `pool`, which may be null. Throws Error{usage} for a level outside 1
    // to 22.
    ZstdChunkedWriter(Sink& blob, int level, TaskPool* pool);
    ZstdChunkedWriter(const ZstdChunkedWriter&) = delete;
    ZstdChunkedWriter& operator=(const ZstdChunkedWriter&) = delete;
    ~ZstdChunkedWriter() override;

    void write(ByteView bytes) override;
    void begin_entry(const TarEntry& entry) override;
    void begin_content() override;
    void end_content() override;
    void end_entries() override;

    // To be called once, after TarWriter::finish(). Where the table lies; nothing when it would be larger
    // than readers take (kMaxToc, some 100000 files): then the layer is plain zstd.
    std::optional<TocLocation> finish();

  private:
    enum class Mode { header, whole_file, chunked_file };
    struct Pending;
    struct Frame;
    class Batch;
    class Index;

    void chunk_data(ByteView bytes) override;
    void end_chunk() override;
    void zero_chunk(std::uint64_t count) override;

    void add_data(ByteView bytes);
    void end_frame(bool is_content);
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
    std::shared_ptr<ZstdFrames> frames_;
    OrderedPieces pieces_;
    std::unique_ptr<Index> index_;

    Mode mode_ = Mode::header;
    bool entry_open_ = false;  // its tar-split line is still to come
    std::string segment_;      // bytes of headers that no tar-split line holds yet
    Crc64 crc_;
    Hasher file_hash_;
    Chunker chunker_;
    std::shared_ptr<Batch> batch_;
    std::uint64_t frame_size_ = 0;  // bytes of the frame that is being filled
    std::deque<Pending> pending_;   // entries that are not in the table yet, in order
};

}  // namespace osb::oci

#include "oci/chunked/zstd_chunked.hh"

#include <algorithm>
#include <array>
#include <utility>
#include <vector>

#include "base/byte_order.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/hash.hh"
#include "oci/chunked/frame_search.hh"
#include "oci/codec/zstd_frames.hh"
#include "oci/tar/zeros.hh"

#include <zstd.h>

namespace osb::oci {
namespace {

constexpr std::size_t kMaxPendingFrames = 4UL * 1024 * 1024;  // bytes that wait to be compressed or written
constexpr std::size_t kBatch = 512UL * 1024;                  // bytes that one thread compresses in one go
constexpr std::size_t kBatchFrames = 4096;
constexpr std::size_t kMaxHeaderFrame = 512UL * 1024;
// Digests do not compress, and the rest compresses well at any level. From level 7 on, a stream needs tens of
// MiB of memory.
constexpr int kIndexLevel = 6;

// Stores the written bytes in blocks, because a growing string needs three times its size for a moment.
class BlockSink final : public Sink {
  public:
    void write(ByteView bytes) override {
        size_ += bytes.size();
        hasher_.update(bytes);
        while (!bytes.empty()) {
            if (blocks_.empty() || blocks_.back().size() == kBlock) blocks_.emplace_back().reserve(kBlock);
            const std::size_t n = std::min(bytes.size(), kBlock - blocks_.back().size());
            blocks_.back() += as_text(bytes.first(n));
            bytes = bytes.subspan(n);
        }
    }
    // Call it once, after the last write().
    Sha256 finish() { return digest_ = hasher_.finish_sha256(); }

    const Sha256& digest() const noexcept { return digest_; }
    std::size_t size() const noexcept { return size_; }
    const std::vector<std::string>& blocks() const noexcept { return blocks_; }

  private:
    static constexpr std::size_t kBlock = 256UL * 1024;

    std::vector<std::string> blocks_;
    std::size_t size_ = 0;
    Hasher hasher_;
    Sha256 digest_{};
};

void require_utf8(std::string_view text, std::string_view path) {
    if (is_utf8(text)) return;
    throw Error(ErrorKind::unsupported,
                concat("tar entry ", quoted(path), ": ", quoted(text), " is not UTF-8"))
        .hint("zstd:chunked needs UTF-8; use the compression zstd or gzip");
}

Sha256 hash_zeros(std::uint64_t count) {
    Hasher hasher;
    for (; count > 0; count -= std::min<std::uint64_t>(count, kZeros.size())) {
        hasher.update(
            ByteView(kZeros).first(static_cast<std::size_t>(std::min<std::uint64_t>(count, kZeros.size()))));
    }
    return hasher.finish_sha256();
}

}  // namespace

struct ZstdChunkedWriter::Pending {
    TocEntry entry;
    bool complete = false;  // it has all of its chunks
};

struct ZstdChunkedWriter::Frame {
    std::uint64_t size = 0;  // of the content
    bool is_content = false;
    bool zeros = false;  // content that is not in memory
    Sha256 digest{};
    std::size_t compressed = 0;
    bool is_ready = false;  // it is compressed, and its digest is known
};

// Compresses frames at the level, or, if there is none, as their content suggests. Thread-safe.
class ZstdChunkedWriter::Compressor {
  public:
    explicit Compressor(std::optional<int> level)
        : has_level_(level.has_value()), frames_(level.value_or(kContentSearch.level)) {}

    void compress(ByteView bytes, bool is_content, std::string& out) {
        if (has_level_) {
            frames_.compress(bytes, out);
        } else {
            frames_.compress(bytes, out, is_content ? content_search(bytes) : kHeaderSearch);
        }
    }
    void compress_zeros(std::uint64_t count, std::string& out) { frames_.compress_zeros(count, out); }

  private:
    const bool has_level_;
    ZstdFrames frames_;
};

// Consecutive frames. A batch avoids a hand-over between threads for each small file.
class ZstdChunkedWriter::Batch final : public Piece {
  public:
    Batch(ZstdChunkedWriter& owner, std::shared_ptr<Compressor> compressor)
        : owner_(owner), compressor_(std::move(compressor)) {}

    void run() override {
        ByteView rest = as_bytes(data);
        for (Frame& frame : frames) {
            const std::size_t before = out.size();
            if (frame.is_ready) {
                out += as_text(rest.first(frame.compressed));
                rest = rest.subspan(frame.compressed);
                continue;
            }
            if (frame.zeros) {
                frame.digest = hash_zeros(frame.size);
                compressor_->compress_zeros(frame.size, out);
            } else {
                const ByteView content = rest.first(static_cast<std::size_t>(frame.size));
                rest = rest.subspan(content.size());
                if (frame.is_content) frame.digest = sha256(content);
                compressor_->compress(content, frame.is_content, out);
            }
            frame.compressed = out.size() - before;
        }
        data = {};
    }
    void deliver() override { owner_.deliver(*this); }
    std::size_t size() const noexcept override { return data.size() + frames.size() * sizeof(Frame); }

    std::string data;
    std::vector<Frame> frames;
    std::string out;

  private:
    ZstdChunkedWriter& owner_;
    std::shared_ptr<Compressor> compressor_;
};

// The table of contents and the tar-split data, compressed while they grow.
class ZstdChunkedWriter::Index {
  public:
    Index() { add(R"({"version":1,"entries":[)"); }

    TarSplitWriter& tar_split() noexcept { return tar_split_; }

    void add_entry(const TocEntry& entry) {
        std::string text;
        if (std::exchange(any_, true)) text += ',';
        append_toc_entry(text, entry);
        add(text);
    }

    void finish() {
        tar_split_stream_.finish();
        add(concat(R"(],"tarSplitDigest":"sha256:)", to_hex(tar_split_out_.finish()), R"("})"));
        stream_.finish();
        out_.finish();
    }

    bool too_large() const noexcept { return size_ > kMaxToc; }
    std::uint64_t size() const noexcept { return size_; }
    const BlockSink& toc() const noexcept { return out_; }
    const BlockSink& tar_split_data() const noexcept { return tar_split_out_; }

  private:
    void add(std::string_view text) {
        size_ += text.size();
        stream_.write(as_bytes(text));
    }

    BlockSink out_;
    ZstdStream stream_{out_, kIndexLevel};
    BlockSink tar_split_out_;
    ZstdStream tar_split_stream_{tar_split_out_, kIndexLevel};
    TarSplitWriter tar_split_{tar_split_stream_};
    bool any_ = false;
    std::uint64_t size_ = 0;
};

ZstdChunkedWriter::ZstdChunkedWriter(Sink& blob, std::optional<int> level, TaskPool* pool)
    : blob_(blob),
      compressor_(std::make_shared<Compressor>(level)),
      pieces_(pool, kMaxPendingFrames),
      index_(std::make_unique<Index>()),
      chunker_(*this),
      batch_(std::make_shared<Batch>(*this, compressor_)) {}

ZstdChunkedWriter::~ZstdChunkedWriter() = default;

void ZstdChunkedWriter::begin_entry(const TarEntry& entry) {
    close_entry();
    require_utf8(entry.path, entry.path);
    require_utf8(entry.link_target, entry.path);
    for (const auto& [name, value] : entry.xattrs) require_utf8(name, entry.path);
    pending_.emplace_back();
    pending_.back().entry.tar = entry;
    pending_.back().complete = entry.size == 0;
    entry_open_ = true;
}

void ZstdChunkedWriter::close_entry() {
    if (!std::exchange(entry_open_, false)) return;
    const TarEntry& entry = pending_.back().entry.tar;
    index_->tar_split().segment(as_bytes(segment_));
    index_->tar_split().file(entry.path, 0, 0);
    segment_.clear();
    emit_ready();
}

void ZstdChunkedWriter::begin_content() {
    entry_open_ = false;
    index_->tar_split().segment(as_bytes(segment_));
    segment_.clear();
    end_frame(false);
    crc_.reset();
    if (ready_ != nullptr) {
        mode_ = Mode::ready_file;
        pending_.back().entry.digest = ready_->digest;
        return;
    }
    mode_ = pending_.back().entry.tar.size < kMinChunkedFile ? Mode::whole_file : Mode::chunked_file;
    if (mode_ == Mode::chunked_file) file_hash_.reset();
}

void ZstdChunkedWriter::write(ByteView bytes) {
    if (mode_ == Mode::header) {
        segment_ += as_text(bytes);
        add_data(bytes);
        if (frame_size_ < kMaxHeaderFrame) return;
        end_frame(false);
        submit_if_full();
        return;
    }
    crc_.update(bytes);
    if (mode_ == Mode::whole_file) {
        add_data(bytes);
    } else if (mode_ == Mode::chunked_file) {
        file_hash_.update(bytes);
        chunker_.write(bytes);
    }
}

void ZstdChunkedWriter::end_content() {
    Pending& pending = pending_.back();
    const TarEntry& entry = pending.entry.tar;
    if (mode_ == Mode::whole_file) {
        end_frame(true);
    } else if (mode_ == Mode::ready_file) {
        add_ready_zeros();
        if (ready_chunks_ != ready_->chunks.size())
            throw Error(ErrorKind::internal, "zstd:chunked: frames of a file are missing");
        ready_ = nullptr;
    } else {
        chunker_.finish();
        pending.entry.digest = file_hash_.finish_sha256();
    }
    mode_ = Mode::header;
    index_->tar_split().file(entry.path, entry.size, crc_.value());
    submit_if_full();
}

void ZstdChunkedWriter::end_entries() {
    close_entry();
}

void ZstdChunkedWriter::begin_ready(const ReadyFile& file) {
    ready_ = &file;
    ready_chunks_ = 0;
}

void ZstdChunkedWriter::add_ready(ByteView frame) {
    add_ready_zeros();
    if (mode_ != Mode::ready_file || ready_chunks_ == ready_->chunks.size())
        throw Error(ErrorKind::internal, "zstd:chunked: a frame of no chunk");
    const TocChunk& chunk = ready_->chunks[ready_chunks_++];
    batch_->data += as_text(frame);
    batch_->frames.push_back({.size = chunk.size,
                              .is_content = true,
                              .zeros = false,
                              .digest = chunk.digest.value_or(ready_->digest),
                              .compressed = frame.size(),
                              .is_ready = true});
    submit_if_full();
}

// Chunks of zeros at this place of the file.
void ZstdChunkedWriter::add_ready_zeros() {
    if (mode_ != Mode::ready_file) return;
    while (ready_chunks_ < ready_->chunks.size() && ready_->chunks[ready_chunks_].zeros)
        zero_chunk(ready_->chunks[ready_chunks_++].size);
}

void ZstdChunkedWriter::chunk_data(ByteView bytes) {
    add_data(bytes);
}

void ZstdChunkedWriter::end_chunk() {
    end_frame(true);
    submit_if_full();
}

void ZstdChunkedWriter::zero_chunk(std::uint64_t count) {
    batch_->frames.push_back(
        {.size = count, .is_content = true, .zeros = true, .digest = {}, .compressed = 0, .is_ready = false});
    submit_if_full();
}

void ZstdChunkedWriter::add_data(ByteView bytes) {
    batch_->data += as_text(bytes);
    frame_size_ += bytes.size();
}

void ZstdChunkedWriter::end_frame(bool is_content) {
    const std::uint64_t size = std::exchange(frame_size_, 0);
    if (size == 0) return;
    batch_->frames.push_back({.size = size,
                              .is_content = is_content,
                              .zeros = false,
                              .digest = {},
                              .compressed = 0,
                              .is_ready = false});
}

// Like submit_batch(), call it only between two frames.
void ZstdChunkedWriter::submit_if_full() {
    if (batch_->data.size() >= kBatch || batch_->frames.size() >= kBatchFrames) submit_batch();
}

void ZstdChunkedWriter::submit_batch() {
    if (batch_->frames.empty()) return;
    auto full = std::exchange(batch_, std::make_shared<Batch>(*this, compressor_));
    pieces_.add(std::move(full));
}

void ZstdChunkedWriter::deliver(const Batch& batch) {
    std::uint64_t offset = offset_;
    for (const Frame& frame : batch.frames) {
        if (frame.is_content) take_frame(frame, offset);
        offset += frame.compressed;
    }
    put(as_bytes(batch.out));
}

// Assigns the frame to the first entry that waits for content.
void ZstdChunkedWriter::take_frame(const Frame& frame, std::uint64_t offset) {
    emit_ready();
    Pending& pending = pending_.front();
    TocEntry& entry = pending.entry;
    const std::uint64_t done =
        entry.chunks.empty() ? 0 : entry.chunks.back().content_offset + entry.chunks.back().size;
    entry.chunks.push_back({.offset = offset,
                            .end_offset = offset + frame.compressed,
                            .content_offset = done,
                            .size = frame.size,
                            .digest = frame.digest,
                            .zeros = frame.zeros});
    pending.complete = done + frame.size == entry.tar.size;
    if (pending.complete && entry.chunks.size() == 1) entry.digest = frame.digest;
}

// Adds entries to the table in the order of the archive, as soon as the positions of their frames are known.
void ZstdChunkedWriter::emit_ready() {
    while (!pending_.empty() && pending_.front().complete) {
        // The digest of a file with several chunks is known at the end of the file, perhaps after its last
        // frame was written.
        const TocEntry& entry = pending_.front().entry;
        if (entry.tar.size > 0 && !entry.digest) return;
        if (!index_->too_large()) index_->add_entry(entry);
        pending_.pop_front();
    }
}

void ZstdChunkedWriter::put(ByteView bytes) {
    blob_.write(bytes);
    offset_ += bytes.size();
}

// Starts a skippable frame of `size` bytes. The caller writes these bytes next.
void ZstdChunkedWriter::begin_skippable(std::size_t size) {
    put(to_little_endian<4>(ZSTD_MAGIC_SKIPPABLE_START));
    put(to_little_endian<4>(size));
}

TocRange ZstdChunkedWriter::put_skippable(const std::vector<std::string>& blocks, std::size_t size,
                                          std::uint64_t uncompressed_size) {
    begin_skippable(size);
    const std::uint64_t offset = offset_;
    for (const std::string& block : blocks) put(as_bytes(block));
    return {.offset = offset, .size = size, .uncompressed_size = uncompressed_size};
}

std::optional<TocLocation> ZstdChunkedWriter::finish() {
    end_frame(false);
    submit_batch();
    pieces_.finish();
    emit_ready();
    index_->tar_split().segment(as_bytes(segment_));
    index_->finish();
    const BlockSink& toc = index_->toc();
    const BlockSink& tar_split = index_->tar_split_data();
    if (index_->too_large() || toc.size() > kMaxToc || tar_split.size() > UINT32_MAX) return std::nullopt;

    TocLocation location;
    location.toc = put_skippable(toc.blocks(), toc.size(), index_->size());
    location.toc_digest = toc.digest();
    location.tar_split = put_skippable(tar_split.blocks(), tar_split.size(), index_->tar_split().size());
    const TocRange& split = *location.tar_split;
    std::string footer;
    for (const std::uint64_t value : {location.toc.offset, location.toc.size, location.toc.uncompressed_size,
                                      std::uint64_t{1}, split.offset, split.size, split.uncompressed_size}) {
        append_little_endian(footer, value, 8);
    }
    footer += "GNUlInUx";
    begin_skippable(footer.size());
    put(as_bytes(footer));
    return location;
}

}  // namespace osb::oci

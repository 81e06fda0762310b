#include "oci/codec/compress.hh"

#include <algorithm>
#include <array>
#include <utility>

#include "base/byte_order.hh"
#include "base/error.hh"
#include "base/object_pool.hh"
#include "oci/codec/deflater.hh"
#include "oci/codec/ordered_pieces.hh"
#include "oci/codec/zstd_frames.hh"

namespace osb::oci {
namespace {

// The limit of bytes of one stream that wait for compression or output.
constexpr std::size_t kMaxPendingPieces = 16UL * 1024 * 1024;
constexpr std::size_t kGzipPiece = 1024UL * 1024;
constexpr std::size_t kZstdPiece = 4UL * 1024 * 1024;

class PlainSink final : public CompressingSink {
  public:
    explicit PlainSink(Sink& out) noexcept : out_(out) {}
    void write(ByteView bytes) override { out_.write(bytes); }
    void finish() override {}

  private:
    Sink& out_;
};

// Splits the stream into pieces of equal size, and marks the last one. The last piece is empty only if the
// stream is empty.
class PieceSink : public CompressingSink {
  public:
    PieceSink(std::size_t piece_size, TaskPool* pool)
        : piece_size_(piece_size), pieces_(pool, kMaxPendingPieces) {}

    void write(ByteView bytes) override {
        while (!bytes.empty()) {
            if (current_.size() == piece_size_) cut(false);
            const std::size_t n = std::min(bytes.size(), piece_size_ - current_.size());
            current_ += as_text(bytes.first(n));
            bytes = bytes.subspan(n);
        }
    }

    void finish() override {
        cut(true);
        pieces_.finish();
    }

  protected:
    virtual std::shared_ptr<Piece> make_piece(std::string content, bool last) = 0;

  private:
    void cut(bool last) {
        pieces_.add(make_piece(std::exchange(current_, {}), last));
        if (!last) current_.reserve(piece_size_);
    }

    std::size_t piece_size_;
    std::string current_;
    OrderedPieces pieces_;
};

class GzipSink final : public PieceSink {
  public:
    GzipSink(Sink& out, int level, TaskPool* pool)
        : PieceSink(kGzipPiece, pool),
          out_(out),
          deflaters_(std::make_shared<Deflaters>([level] { return make_deflater(level); })) {}

  protected:
    std::shared_ptr<Piece> make_piece(std::string content, bool last) override {
        auto piece = std::make_shared<GzipPiece>(*this, std::move(before_), std::move(content), last);
        before_ = piece->tail();
        return piece;
    }

  private:
    using Deflaters = ObjectPool<Deflater>;

    class GzipPiece final : public Piece {
      public:
        GzipPiece(GzipSink& owner, std::string before, std::string content, bool last)
            : owner_(owner),
              deflaters_(owner.deflaters_),
              before_(std::move(before)),
              content_(std::move(content)),
              last_(last) {}

        std::string tail() const {
            return content_.substr(content_.size() - std::min(content_.size(), kDeflateWindow));
        }

        void run() override {
            crc_ = gzip_crc(as_bytes(content_));
            const Deflaters::Lease deflater = deflaters_->take();
            out_ = as_text(deflater->compress(
                {.before = as_bytes(before_), .content = as_bytes(content_), .last = last_}));
            length_ = content_.size();
            content_ = {};
        }
        void deliver() override { owner_.put(*this); }
        std::size_t size() const noexcept override { return before_.size() + 2 * content_.size(); }

      private:
        friend class GzipSink;
        GzipSink& owner_;
        std::shared_ptr<Deflaters> deflaters_;
        std::string before_;
        std::string content_;
        bool last_;
        std::string out_;
        std::uint32_t crc_ = 0;
        std::uint64_t length_ = 0;
    };

    void put(const GzipPiece& piece) {
        if (!any_) {
            // No name, no time, an unknown system: only the content affects the bytes.
            constexpr std::array<std::uint8_t, 10> kHeader{0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 0xFF};
            out_.write(kHeader);
        }
        any_ = true;
        out_.write(as_bytes(piece.out_));
        crc_ = combine_gzip_crc(crc_, piece.crc_, piece.length_);
        length_ += piece.length_;
        if (!piece.last_) return;
        out_.write(to_little_endian<4>(crc_));
        out_.write(to_little_endian<4>(length_));
    }

    Sink& out_;
    std::shared_ptr<Deflaters> deflaters_;
    std::string before_;
    bool any_ = false;
    std::uint32_t crc_ = 0;
    std::uint64_t length_ = 0;
};

class ZstdSink final : public PieceSink {
  public:
    ZstdSink(Sink& out, int level, TaskPool* pool)
        : PieceSink(kZstdPiece, pool), out_(out), frames_(std::make_shared<ZstdFrames>(level)) {}

  protected:
    std::shared_ptr<Piece> make_piece(std::string content, bool /*last*/) override {
        return std::make_shared<ZstdPiece>(out_, frames_, std::move(content));
    }

  private:
    class ZstdPiece final : public Piece {
      public:
        ZstdPiece(Sink& sink, std::shared_ptr<ZstdFrames> frames, std::string content)
            : sink_(sink), frames_(std::move(frames)), content_(std::move(content)) {}
        void run() override {
            frames_->compress(as_bytes(content_), out_);
            content_ = {};
        }
        void deliver() override { sink_.write(as_bytes(out_)); }
        std::size_t size() const noexcept override { return content_.size(); }

      private:
        Sink& sink_;
        std::shared_ptr<ZstdFrames> frames_;
        std::string content_;
        std::string out_;
    };

    Sink& out_;
    std::shared_ptr<ZstdFrames> frames_;
};

class SingleFrameSink final : public CompressingSink {
  public:
    SingleFrameSink(Sink& out, int level) : stream_(out, level) {}
    void write(ByteView bytes) override { stream_.write(bytes); }
    void finish() override { stream_.finish(); }

  private:
    ZstdStream stream_;
};

}  // namespace

std::unique_ptr<CompressingSink> gzip_sink(Sink& out, int level, TaskPool* pool) {
    if (level < kFastGzip || level > kMaxGzipLevel) {
        throw Error(ErrorKind::usage, concat("gzip has no level ", level)).hint("levels are 1 to 9");
    }
    return std::make_unique<GzipSink>(out, level, pool);
}

std::unique_ptr<CompressingSink> zstd_sink(Sink& out, int level, ZstdFraming framing, TaskPool* pool) {
    if (framing == ZstdFraming::single) return std::make_unique<SingleFrameSink>(out, level);
    return std::make_unique<ZstdSink>(out, level, pool);
}

std::unique_ptr<CompressingSink> uncompressed_sink(Sink& out) {
    return std::make_unique<PlainSink>(out);
}

}  // namespace osb::oci

#include "ostree/deflate.hh"

#include <zlib.h>

#ifdef OSB_HAVE_ISAL
#include <isa-l/igzip_lib.h>
#endif

#include "base/error.hh"

namespace osb::ostree {
namespace {

// Room for the worst case: stored blocks with 5 bytes a block, and the empty block of a flush.
std::size_t worst_case(std::size_t size) {
    return size + size / 1024 + 512;
}

class ZlibDeflater final : public Deflater {
  public:
    explicit ZlibDeflater(int level) {
        constexpr int kRawWindow = -15;
        constexpr int kMemory = 8;
        if (deflateInit2(&stream_, level, Z_DEFLATED, kRawWindow, kMemory, Z_DEFAULT_STRATEGY) != Z_OK) {
            throw Error(ErrorKind::internal, "zlib cannot be initialised");
        }
    }
    ZlibDeflater(const ZlibDeflater&) = delete;
    ZlibDeflater& operator=(const ZlibDeflater&) = delete;
    ~ZlibDeflater() override { deflateEnd(&stream_); }

    void compress(ByteView piece, bool last, std::vector<std::uint8_t>& out) override {
        const std::size_t before = out.size();
        out.resize(before + worst_case(piece.size()));
        // zlib does not write through next_in; its type merely lacks the const.
        stream_.next_in = const_cast<Bytef*>(piece.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
        stream_.avail_in = static_cast<uInt>(piece.size());
        stream_.next_out = out.data() + before;
        stream_.avail_out = static_cast<uInt>(out.size() - before);
        const int result = deflate(&stream_, last ? Z_FINISH : Z_FULL_FLUSH);
        const bool done = last ? result == Z_STREAM_END : result == Z_OK && stream_.avail_in == 0;
        if (!done || deflateResetKeep() != Z_OK) throw Error(ErrorKind::internal, "zlib failed to deflate");
        out.resize(out.size() - stream_.avail_out);
    }

  private:
    // Pieces are independent: forget the window, so that the result does not depend on who compressed what
    // before.
    int deflateResetKeep() {
        const uInt left = stream_.avail_out;
        const int result = deflateReset(&stream_);
        stream_.avail_out = left;
        return result;
    }

    z_stream stream_{};
};

#ifdef OSB_HAVE_ISAL
class IsalDeflater final : public Deflater {
  public:
    IsalDeflater() : level_buffer_(std::make_unique<std::uint8_t[]>(kLevelBuffer)) {}

    void compress(ByteView piece, bool last, std::vector<std::uint8_t>& out) override {
        const std::size_t before = out.size();
        out.resize(before + worst_case(piece.size()));
        isal_deflate_init(stream_.get());
        stream_->level = kLevel;
        stream_->level_buf = level_buffer_.get();
        stream_->level_buf_size = static_cast<std::uint32_t>(kLevelBuffer);
        stream_->gzip_flag = IGZIP_DEFLATE;
        stream_->end_of_stream = last ? 1 : 0;
        stream_->flush = last ? NO_FLUSH : FULL_FLUSH;
        stream_->next_in =
            const_cast<std::uint8_t*>(piece.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
        stream_->avail_in = static_cast<std::uint32_t>(piece.size());
        stream_->next_out = out.data() + before;
        stream_->avail_out = static_cast<std::uint32_t>(out.size() - before);
        const bool done = isal_deflate(stream_.get()) == COMP_OK && stream_->avail_in == 0 &&
                          (!last || stream_->internal_state.state == ZSTATE_END);
        if (!done) throw Error(ErrorKind::internal, "ISA-L failed to deflate");
        out.resize(out.size() - stream_->avail_out);
    }

  private:
    static constexpr std::uint32_t kLevel = 3;
    static constexpr std::size_t kLevelBuffer = ISAL_DEF_LVL3_DEFAULT;

    // The stream holds its window and tables, some 100 KiB: too much for a thread's stack.
    std::unique_ptr<isal_zstream> stream_ = std::make_unique<isal_zstream>();
    std::unique_ptr<std::uint8_t[]> level_buffer_;
};
#endif

}  // namespace

std::unique_ptr<Deflater> make_deflater(int level) {
#ifdef OSB_HAVE_ISAL
    if (level == 0) return std::make_unique<IsalDeflater>();
#endif
    return std::make_unique<ZlibDeflater>(level == 0 ? Z_DEFAULT_COMPRESSION : level);
}

}  // namespace osb::ostree

#include "oci/codec/unzstd.hh"

#include <zstd.h>
#include <zstd_errors.h>

#include <cstring>

#include "base/byte_order.hh"
#include "base/error.hh"
#include "base/interrupt.hh"

namespace osb::oci {
namespace {

constexpr std::size_t kZstdInputChunk = 256UL * 1024;
// 128 MiB, which `zstd --ultra` and `--long` need. A frame can request far more.
constexpr int kMaxWindowLog = 27;

constexpr std::size_t kMagicSize = 4;

[[noreturn]] void fail_zstd(std::string_view why) {
    throw Error(ErrorKind::invalid, concat("zstd stream: ", why));
}

[[noreturn]] void fail_zstd_with(std::size_t code) {
    switch (ZSTD_getErrorCode(code)) {
        case ZSTD_error_memory_allocation:
            throw Error(ErrorKind::internal, "zstd: out of memory");
        case ZSTD_error_dictionary_wrong:
            throw Error(ErrorKind::unsupported, "zstd stream: a frame needs a dictionary");
        case ZSTD_error_frameParameter_windowTooLarge:
            throw Error(ErrorKind::too_large, "zstd stream: a frame needs a window of more than 128 MiB");
        case ZSTD_error_checksum_wrong:
            fail_zstd("wrong checksum of the content");
        default:
            fail_zstd(ZSTD_getErrorName(code));
    }
}

struct FreeDCtx {
    void operator()(ZSTD_DCtx* context) const noexcept { ZSTD_freeDCtx(context); }
};

class ZstdSource final : public Source {
  public:
    explicit ZstdSource(Source& inner)
        : inner_(inner),
          context_(ZSTD_createDCtx()),
          input_(std::make_unique_for_overwrite<std::uint8_t[]>(kZstdInputChunk)) {
        if (!context_) throw Error(ErrorKind::internal, "zstd: out of memory");
        if (const std::size_t code =
                ZSTD_DCtx_setParameter(context_.get(), ZSTD_d_windowLogMax, kMaxWindowLog);
            ZSTD_isError(code) != 0)
            throw Error(ErrorKind::internal, "zstd: cannot limit the window");
    }

    std::size_t read(MutableBytes buffer) override {
        ZSTD_outBuffer out{buffer.data(), buffer.size(), 0};
        while (out.pos == 0) {
            check_interrupt();
            if (!in_frame_ && !begin_frame()) return 0;
            decode(out);
        }
        return out.pos;
    }

  private:
    // Checks the magic number here, because libzstd may also accept the formats before RFC 8878.
    bool begin_frame() {
        fill(kMagicSize);
        if (begin_ == end_ && any_frame_) return false;
        if (begin_ == end_) fail_zstd("empty");
        if (end_ - begin_ < kMagicSize) fail_zstd(any_frame_ ? "rubbish after the last frame" : "truncated");
        const std::uint64_t magic = from_little_endian({input_.get() + begin_, kMagicSize});
        if (magic != ZSTD_MAGICNUMBER && (magic & ZSTD_MAGIC_SKIPPABLE_MASK) != ZSTD_MAGIC_SKIPPABLE_START)
            fail_zstd(any_frame_ ? "rubbish after the last frame" : "not zstd: no magic number");
        in_frame_ = true;
        any_frame_ = true;
        return true;
    }

    void decode(ZSTD_outBuffer& out) {
        ZSTD_inBuffer in{input_.get() + begin_, end_ - begin_, 0};
        const std::size_t code = ZSTD_decompressStream(context_.get(), &out, &in);
        if (ZSTD_isError(code) != 0) fail_zstd_with(code);
        begin_ += in.pos;
        if (code == 0) {
            in_frame_ = false;
        } else if (out.pos == 0 && in.pos == 0) {
            if (begin_ != end_) fail_zstd("invalid data");
            fill(1);
            if (begin_ == end_) fail_zstd("truncated");
        }
    }

    // Reads until `want` bytes of input are buffered, or the stream ends.
    void fill(std::size_t want) {
        if (end_ - begin_ >= want) return;
        std::memmove(input_.get(), input_.get() + begin_, end_ - begin_);
        end_ -= begin_;
        begin_ = 0;
        while (end_ < want) {
            const std::size_t n = inner_.read({input_.get() + end_, kZstdInputChunk - end_});
            if (n == 0) return;
            end_ += n;
        }
    }

    Source& inner_;
    std::unique_ptr<ZSTD_DCtx, FreeDCtx> context_;
    std::unique_ptr<std::uint8_t[]> input_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    bool in_frame_ = false;
    bool any_frame_ = false;
};

}  // namespace

std::unique_ptr<Source> unzstd(Source& inner) {
    return std::make_unique<ZstdSource>(inner);
}

}  // namespace osb::oci

#include "oci/zstd_frames.hh"

#include <zstd.h>

#include <algorithm>
#include <array>

#include "base/error.hh"
#include "base/interrupt.hh"

namespace osb::oci {
namespace {

constexpr std::size_t kOutputChunk = 128UL * 1024;
constexpr std::array<std::uint8_t, 64UL * 1024> kZeros{};

struct FreeContext {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};
using Handle = std::unique_ptr<ZSTD_CCtx, FreeContext>;

std::size_t check(std::size_t code) {
    if (ZSTD_isError(code) != 0) {
        throw Error(ErrorKind::internal, concat("zstd: cannot compress: ", ZSTD_getErrorName(code)));
    }
    return code;
}

Handle make_context(int level) {
    if (level < kMinZstdLevel || level > kMaxZstdLevel) {
        throw Error(ErrorKind::usage, concat("zstd has no level ", level))
            .hint(concat("levels are ", kMinZstdLevel, " to ", kMaxZstdLevel));
    }
    Handle context(ZSTD_createCCtx());
    if (!context) throw Error(ErrorKind::internal, "zstd: out of memory");
    check(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level));
    return context;
}

}  // namespace

struct ZstdFrames::Context {
    Handle handle;
};

class ZstdFrames::Lease {
  public:
    explicit Lease(ZstdFrames& owner) : owner_(owner) {
        const std::lock_guard lock(owner_.mutex_);
        if (owner_.idle_.empty()) {
            context_ = std::make_unique<Context>(Context{make_context(owner_.level_)});
        } else {
            context_ = std::move(owner_.idle_.back());
            owner_.idle_.pop_back();
        }
        // Room for the return, so that the destructor need not allocate.
        owner_.idle_.reserve(owner_.idle_.size() + 1 + ++owner_.leased_);
    }
    Lease(const Lease&) = delete;
    Lease& operator=(const Lease&) = delete;
    ~Lease() {
        const std::lock_guard lock(owner_.mutex_);
        --owner_.leased_;
        ZSTD_CCtx_reset(context_->handle.get(), ZSTD_reset_session_only);
        owner_.idle_.push_back(std::move(context_));
    }
    ZSTD_CCtx* get() const noexcept { return context_->handle.get(); }

  private:
    ZstdFrames& owner_;
    std::unique_ptr<Context> context_;
};

ZstdFrames::ZstdFrames(int level) : level_(level) {
    idle_.push_back(std::make_unique<Context>(Context{make_context(level)}));
}

ZstdFrames::~ZstdFrames() = default;

void ZstdFrames::compress(ByteView content, std::string& out) {
    const Lease context(*this);
    const std::size_t before = out.size();
    const std::size_t bound = check(ZSTD_compressBound(content.size()));
    out.resize(before + bound);
    out.resize(before + check(ZSTD_compress2(context.get(), out.data() + before, bound, content.data(),
                                             content.size())));
}

void ZstdFrames::compress_zeros(std::uint64_t count, std::string& out) {
    const Lease context(*this);
    check(ZSTD_CCtx_setPledgedSrcSize(context.get(), count));
    std::size_t unfinished = 0;
    do {
        check_interrupt();
        ZSTD_inBuffer in{kZeros.data(),
                         static_cast<std::size_t>(std::min<std::uint64_t>(count, kZeros.size())), 0};
        const std::size_t before = out.size();
        out.resize(before + 1024);
        ZSTD_outBuffer room{out.data() + before, 1024, 0};
        const bool last = count == in.size;
        unfinished =
            check(ZSTD_compressStream2(context.get(), &room, &in, last ? ZSTD_e_end : ZSTD_e_continue));
        out.resize(before + room.pos);
        count -= in.pos;
    } while (count > 0 || unfinished > 0);
}

struct ZstdStream::Impl {
    Handle context;
    std::vector<std::uint8_t> buffer = std::vector<std::uint8_t>(kOutputChunk);
};

ZstdStream::ZstdStream(Sink& out, int level) : out_(out), impl_(std::make_unique<Impl>()) {
    impl_->context = make_context(level);
}

ZstdStream::~ZstdStream() = default;

void ZstdStream::write(ByteView bytes) {
    run(bytes, false);
}

void ZstdStream::finish() {
    run({}, true);
}

void ZstdStream::run(ByteView bytes, bool end) {
    check_interrupt();
    ZSTD_inBuffer in{bytes.data(), bytes.size(), 0};
    for (;;) {
        ZSTD_outBuffer room{impl_->buffer.data(), impl_->buffer.size(), 0};
        const std::size_t left =
            check(ZSTD_compressStream2(impl_->context.get(), &room, &in, end ? ZSTD_e_end : ZSTD_e_continue));
        if (room.pos > 0) out_.write(ByteView(impl_->buffer).first(room.pos));
        if (end ? left == 0 : in.pos == in.size) return;
    }
}

}  // namespace osb::oci

#include "oci/codec/zstd_frames.hh"

#include <zstd.h>

#include <algorithm>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "oci/tar/zeros.hh"

namespace osb::oci {
namespace {

constexpr std::size_t kOutputChunk = 128UL * 1024;
constexpr int kZerosWindowLog = 17;

// ZstdSearch::short_matches. The depth and the length that ends a search were measured
// (docs/performance.md): more depth costs more time than it saves bytes.
constexpr int kShortMatch = 3;
constexpr int kShortMatchSearchLog = 4;
constexpr int kShortMatchTarget = 32;

// ZstdSearch::small_tables: logarithms of their numbers of entries, of 4 bytes each.
constexpr int kSmallHashLog = 18;
constexpr int kSmallChainLog = 19;

struct FreeCCtx {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};
using Handle = std::unique_ptr<ZSTD_CCtx, FreeCCtx>;

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

// Frames after this call are searched in this way. 0 stands for the value of the level.
void set_search(ZSTD_CCtx* context, const ZstdSearch& search) {
    const bool is_short = search.short_matches;
    const auto set = [context](ZSTD_cParameter parameter, int value) {
        check(ZSTD_CCtx_setParameter(context, parameter, value));
    };
    set(ZSTD_c_compressionLevel, search.level);
    set(ZSTD_c_strategy, is_short ? ZSTD_btopt : 0);
    set(ZSTD_c_minMatch, is_short ? kShortMatch : 0);
    set(ZSTD_c_searchLog, is_short ? kShortMatchSearchLog : 0);
    set(ZSTD_c_targetLength, is_short ? kShortMatchTarget : 0);
    set(ZSTD_c_hashLog, search.small_tables ? kSmallHashLog : 0);
    set(ZSTD_c_chainLog, search.small_tables ? kSmallChainLog : 0);
}

}  // namespace

struct ZstdFrames::Context {
    explicit Context(int level) : handle(make_context(level)), search{.level = level} {}

    void use(const ZstdSearch& wanted) {
        if (wanted == search) return;
        set_search(handle.get(), wanted);
        search = wanted;
    }

    MutableBytes room(std::size_t size) {
        if (size > room_size) {
            bytes = std::make_unique_for_overwrite<std::uint8_t[]>(size);
            room_size = size;
        }
        return {bytes.get(), size};
    }

    Handle handle;
    ZstdSearch search;
    std::unique_ptr<std::uint8_t[]> bytes;
    std::size_t room_size = 0;
};

ZstdFrames::ZstdFrames(int level)
    : level_(level), contexts_([level] { return std::make_unique<Context>(level); }) {
    contexts_.take();  // reports a wrong level now
}

ZstdFrames::~ZstdFrames() = default;

void ZstdFrames::compress(ByteView content, std::string& out) {
    compress(content, out, {.level = level_});
}

void ZstdFrames::compress(ByteView content, std::string& out, const ZstdSearch& search) {
    const auto context = contexts_.take();
    context->use(search);
    const MutableBytes room = context->room(check(ZSTD_compressBound(content.size())));
    const std::size_t size = check(
        ZSTD_compress2(context->handle.get(), room.data(), room.size(), content.data(), content.size()));
    out += as_text(room.first(size));
}

void ZstdFrames::compress_zeros(std::uint64_t count, std::string& out) {
    // Use the lowest level: the tables for a frame of gigabytes would need a hundred MiB.
    const Handle context = make_context(kMinZstdLevel);
    ZSTD_CCtx* const handle = context.get();
    check(ZSTD_CCtx_setParameter(handle, ZSTD_c_windowLog, kZerosWindowLog));
    check(ZSTD_CCtx_setPledgedSrcSize(handle, count));
    std::size_t unfinished = 0;
    do {
        check_interrupt();
        ZSTD_inBuffer in{kZeros.data(),
                         static_cast<std::size_t>(std::min<std::uint64_t>(count, kZeros.size())), 0};
        const std::size_t before = out.size();
        out.resize(before + 1024);
        ZSTD_outBuffer room{out.data() + before, 1024, 0};
        const bool last = count == in.size;
        unfinished = check(ZSTD_compressStream2(handle, &room, &in, last ? ZSTD_e_end : ZSTD_e_continue));
        out.resize(before + room.pos);
        count -= in.pos;
    } while (count > 0 || unfinished > 0);
}

struct ZstdFrameReader::Impl {
    struct Free {
        void operator()(ZSTD_DCtx* handle) const noexcept { ZSTD_freeDCtx(handle); }
    };
    std::unique_ptr<ZSTD_DCtx, Free> context{ZSTD_createDCtx()};
};

ZstdFrameReader::ZstdFrameReader() : impl_(std::make_unique<Impl>()) {
    if (!impl_->context) throw Error(ErrorKind::internal, "zstd: out of memory");
}

ZstdFrameReader::~ZstdFrameReader() = default;

void ZstdFrameReader::read(ByteView frame, MutableBytes content) {
    if (ZSTD_findFrameCompressedSize(frame.data(), frame.size()) != frame.size())
        throw Error(ErrorKind::invalid, "zstd: not exactly one frame");
    const std::size_t size =
        ZSTD_decompressDCtx(impl_->context.get(), content.data(), content.size(), frame.data(), frame.size());
    if (ZSTD_isError(size) != 0 || size != content.size()) {
        throw Error(ErrorKind::invalid,
                    concat("zstd: a frame does not hold ", content.size(), " bytes of content"));
    }
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

#include "tests/support/compress.hh"

#include <bzlib.h>
#include <lzma.h>
#include <zlib.h>
#include <zstd.h>

#include <memory>
#include <stdexcept>

#include "base/byte_order.hh"

namespace osb::test {
namespace {

struct FreeContext {
    void operator()(ZSTD_CCtx* context) const noexcept { ZSTD_freeCCtx(context); }
};
using Context = std::unique_ptr<ZSTD_CCtx, FreeContext>;

std::size_t checked(std::size_t code) {
    if (ZSTD_isError(code) != 0) throw std::runtime_error(ZSTD_getErrorName(code));
    return code;
}

Context make_context(int level) {
    Context context(ZSTD_createCCtx());
    if (!context) throw std::bad_alloc();
    checked(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_compressionLevel, level));
    checked(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_checksumFlag, 1));
    return context;
}

std::string compress(ZSTD_CCtx* context, std::string_view content) {
    std::string out(ZSTD_compressBound(content.size()), '\0');
    out.resize(checked(ZSTD_compress2(context, out.data(), out.size(), content.data(), content.size())));
    return out;
}

}  // namespace

std::string xz(std::string_view content) {
    std::string out(lzma_stream_buffer_bound(content.size()), '\0');
    std::size_t size = 0;
    // NOLINTBEGIN(cppcoreguidelines-pro-type-reinterpret-cast): char aliases
    const lzma_ret code = lzma_easy_buffer_encode(
        1, LZMA_CHECK_CRC64, nullptr, reinterpret_cast<const std::uint8_t*>(content.data()), content.size(),
        reinterpret_cast<std::uint8_t*>(out.data()), &size, out.size());
    // NOLINTEND(cppcoreguidelines-pro-type-reinterpret-cast)
    if (code != LZMA_OK) throw std::runtime_error("xz");
    out.resize(size);
    return out;
}

std::string bzip2(std::string_view content) {
    // The bound that libbz2's manual gives.
    std::string out(content.size() + content.size() / 100 + 600, '\0');
    auto size = static_cast<unsigned>(out.size());
    const int code = BZ2_bzBuffToBuffCompress(out.data(), &size, const_cast<char*>(content.data()),
                                              static_cast<unsigned>(content.size()), 1, 0, 0);
    if (code != BZ_OK) throw std::runtime_error("bzip2");
    out.resize(size);
    return out;
}

std::string gzip(std::string_view content, int level) {
    z_stream stream{};
    // 16: a gzip header and trailer around the data.
    if (deflateInit2(&stream, level, Z_DEFLATED, MAX_WBITS + 16, 8, Z_DEFAULT_STRATEGY) != Z_OK)
        throw std::runtime_error("deflateInit2");
    std::string out(deflateBound(&stream, static_cast<uLong>(content.size())), '\0');
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(content.data()));
    stream.avail_in = static_cast<uInt>(content.size());
    stream.next_out = reinterpret_cast<Bytef*>(out.data());
    stream.avail_out = static_cast<uInt>(out.size());
    const int status = deflate(&stream, Z_FINISH);
    out.resize(out.size() - stream.avail_out);
    deflateEnd(&stream);
    if (status != Z_STREAM_END) throw std::runtime_error("deflate");
    return out;
}

std::string zstd(std::string_view content, int level) {
    return compress(make_context(level).get(), content);
}

std::string zstd_with_window(std::string_view content, int window_log) {
    const Context context = make_context(1);
    checked(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_windowLog, window_log));
    checked(ZSTD_CCtx_setParameter(context.get(), ZSTD_c_contentSizeFlag, 0));
    std::string out(ZSTD_compressBound(content.size()) + 64, '\0');
    ZSTD_inBuffer in{content.data(), content.size(), 0};
    ZSTD_outBuffer to{out.data(), out.size(), 0};
    // A first call that does not end the stream keeps the size unknown.
    checked(ZSTD_compressStream2(context.get(), &to, &in, ZSTD_e_continue));
    if (checked(ZSTD_compressStream2(context.get(), &to, &in, ZSTD_e_end)) != 0)
        throw std::runtime_error("zstd: output too small");
    out.resize(to.pos);
    return out;
}

std::string zstd_skippable(std::string_view content) {
    return little_endian(0x184d2a50, 4) + little_endian(content.size(), 4) + std::string(content);
}

std::uint32_t crc32(std::string_view bytes) {
    return static_cast<std::uint32_t>(
        ::crc32_z(0, reinterpret_cast<const Bytef*>(bytes.data()), bytes.size()));
}

std::string little_endian(std::uint64_t value, unsigned bytes) {
    std::string out;
    append_little_endian(out, value, bytes);
    return out;
}

}  // namespace osb::test

#include "oci/deflate_piece.hh"

#include <zlib.h>

#include <memory>

#ifdef OSB_HAVE_ISAL
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#endif

#include "base/error.hh"

namespace osb::oci {
namespace {

// Room for the worst case: stored blocks with 5 bytes a block, and the empty block of a flush.
std::size_t worst_case(std::size_t size) {
    return size + size / 1024 + 1024;
}

// The libraries do not write through their pointers to input; the types merely lack the const.
std::uint8_t* input(ByteView bytes) {
    return const_cast<std::uint8_t*>(bytes.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

struct DeflateEnd {
    void operator()(z_stream* stream) const noexcept {
        deflateEnd(stream);
        std::default_delete<z_stream>()(stream);
    }
};

void deflate_with_zlib(const DeflatePiece& piece, int level, std::string& out) {
    constexpr int kRawWindow = -15;
    constexpr int kMemory = 8;
    std::unique_ptr<z_stream, DeflateEnd> stream(new z_stream{});  // NOLINT(cppcoreguidelines-owning-memory)
    bool good =
        deflateInit2(stream.get(), level, Z_DEFLATED, kRawWindow, kMemory, Z_DEFAULT_STRATEGY) == Z_OK;
    if (good && !piece.before.empty()) {
        good = deflateSetDictionary(stream.get(), piece.before.data(),
                                    static_cast<uInt>(piece.before.size())) == Z_OK;
    }
    const std::size_t begin = out.size();
    out.resize(begin + worst_case(piece.content.size()));
    stream->next_in = input(piece.content);
    stream->avail_in = static_cast<uInt>(piece.content.size());
    stream->next_out = reinterpret_cast<Bytef*>(out.data() + begin);
    stream->avail_out = static_cast<uInt>(out.size() - begin);
    const int result = good ? deflate(stream.get(), piece.last ? Z_FINISH : Z_SYNC_FLUSH) : Z_STREAM_ERROR;
    const bool done = piece.last ? result == Z_STREAM_END : result == Z_OK && stream->avail_out > 0;
    if (!done || stream->avail_in != 0) throw Error(ErrorKind::internal, "zlib failed to deflate");
    out.erase(out.size() - stream->avail_out);
}

#ifdef OSB_HAVE_ISAL
void deflate_with_isal(const DeflatePiece& piece, std::string& out) {
    constexpr std::uint32_t kLevel = 3;
    // Window and tables together have several hundred KiB: too much for a thread's stack.
    const auto stream = std::make_unique<isal_zstream>();
    const auto level_buffer = std::make_unique<std::uint8_t[]>(ISAL_DEF_LVL3_DEFAULT);
    isal_deflate_init(stream.get());
    stream->level = kLevel;
    stream->level_buf = level_buffer.get();
    stream->level_buf_size = ISAL_DEF_LVL3_DEFAULT;
    stream->gzip_flag = IGZIP_DEFLATE;
    bool good = true;
    if (!piece.before.empty()) {
        good = isal_deflate_set_dict(stream.get(), input(piece.before),
                                     static_cast<std::uint32_t>(piece.before.size())) == COMP_OK;
    }
    stream->end_of_stream = piece.last ? 1 : 0;
    stream->flush = piece.last ? NO_FLUSH : SYNC_FLUSH;
    const std::size_t begin = out.size();
    out.resize(begin + worst_case(piece.content.size()));
    stream->next_in = input(piece.content);
    stream->avail_in = static_cast<std::uint32_t>(piece.content.size());
    stream->next_out = reinterpret_cast<std::uint8_t*>(out.data() + begin);
    stream->avail_out = static_cast<std::uint32_t>(out.size() - begin);
    const bool done = good && isal_deflate(stream.get()) == COMP_OK && stream->avail_in == 0 &&
                      stream->avail_out > 0 && (!piece.last || stream->internal_state.state == ZSTATE_END);
    if (!done) throw Error(ErrorKind::internal, "ISA-L failed to deflate");
    out.erase(out.size() - stream->avail_out);
}
#endif

}  // namespace

void deflate_piece(const DeflatePiece& piece, int level, std::string& out) {
#ifdef OSB_HAVE_ISAL
    if (level == 0) return deflate_with_isal(piece, out);
#endif
    constexpr int kFastZlib = 4;
    deflate_with_zlib(piece, level == 0 ? kFastZlib : level, out);
}

std::uint32_t gzip_crc(ByteView bytes) {
#ifdef OSB_HAVE_ISAL
    return crc32_gzip_refl(0, bytes.data(), bytes.size());
#else
    return static_cast<std::uint32_t>(crc32_z(0, bytes.data(), bytes.size()));
#endif
}

std::uint32_t combine_gzip_crc(std::uint32_t first, std::uint32_t second, std::uint64_t size) {
    return static_cast<std::uint32_t>(crc32_combine(first, second, static_cast<z_off_t>(size)));
}

}  // namespace osb::oci

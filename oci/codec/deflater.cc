#include "oci/codec/deflater.hh"

#include <zlib.h>

#ifdef OSB_HAVE_ISAL
#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>
#endif

#include "base/error.hh"

namespace osb::oci {
namespace {

// The libraries do not write through their input pointers, whose types only lack the const.
std::uint8_t* input(ByteView bytes) {
    return const_cast<std::uint8_t*>(bytes.data());  // NOLINT(cppcoreguidelines-pro-type-const-cast)
}

// An output buffer for compressed pieces. It grows to the size of the largest piece.
class Output {
  public:
    MutableBytes room_for(std::size_t content) {
        // The worst case is stored blocks, with 5 bytes each, and the empty block of a flush.
        const std::size_t size = content + content / 1024 + 1024;
        if (size > size_) {
            bytes_ = std::make_unique_for_overwrite<std::uint8_t[]>(size);
            size_ = size;
        }
        return {bytes_.get(), size_};
    }

  private:
    std::unique_ptr<std::uint8_t[]> bytes_;
    std::size_t size_ = 0;
};

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

    ByteView compress(const DeflatePiece& piece) override {
        // The window of the previous piece must not affect this one.
        bool good = deflateReset(&stream_) == Z_OK;
        if (good && !piece.before.empty()) {
            good = deflateSetDictionary(&stream_, piece.before.data(),
                                        static_cast<uInt>(piece.before.size())) == Z_OK;
        }
        const MutableBytes room = output_.room_for(piece.content.size());
        stream_.next_in = input(piece.content);
        stream_.avail_in = static_cast<uInt>(piece.content.size());
        stream_.next_out = room.data();
        stream_.avail_out = static_cast<uInt>(room.size());
        const int result = good ? deflate(&stream_, piece.last ? Z_FINISH : Z_SYNC_FLUSH) : Z_STREAM_ERROR;
        const bool done = piece.last ? result == Z_STREAM_END : result == Z_OK && stream_.avail_out > 0;
        if (!done || stream_.avail_in != 0) throw Error(ErrorKind::internal, "zlib failed to deflate");
        return room.first(room.size() - stream_.avail_out);
    }

  private:
    z_stream stream_{};
    Output output_;
};

#ifdef OSB_HAVE_ISAL
class IsalDeflater final : public Deflater {
  public:
    ByteView compress(const DeflatePiece& piece) override {
        isal_deflate_init(stream_.get());
        stream_->level = kLevel;
        stream_->level_buf = level_buffer_.get();
        stream_->level_buf_size = kLevelBuffer;
        stream_->gzip_flag = IGZIP_DEFLATE;
        bool good = true;
        if (!piece.before.empty()) {
            good = isal_deflate_set_dict(stream_.get(), input(piece.before),
                                         static_cast<std::uint32_t>(piece.before.size())) == COMP_OK;
        }
        stream_->end_of_stream = piece.last ? 1 : 0;
        stream_->flush = piece.last ? NO_FLUSH : SYNC_FLUSH;
        const MutableBytes room = output_.room_for(piece.content.size());
        stream_->next_in = input(piece.content);
        stream_->avail_in = static_cast<std::uint32_t>(piece.content.size());
        stream_->next_out = room.data();
        stream_->avail_out = static_cast<std::uint32_t>(room.size());
        const bool done = good && isal_deflate(stream_.get()) == COMP_OK && stream_->avail_in == 0 &&
                          stream_->avail_out > 0 &&
                          (!piece.last || stream_->internal_state.state == ZSTATE_END);
        if (!done) throw Error(ErrorKind::internal, "ISA-L failed to deflate");
        return room.first(room.size() - stream_->avail_out);
    }

  private:
    static constexpr std::uint32_t kLevel = 3;
    static constexpr std::uint32_t kLevelBuffer = ISAL_DEF_LVL3_DEFAULT;

    // The window and the tables have several hundred KiB, too much for a thread's stack.
    std::unique_ptr<isal_zstream> stream_ = std::make_unique<isal_zstream>();
    std::unique_ptr<std::uint8_t[]> level_buffer_ = std::make_unique<std::uint8_t[]>(kLevelBuffer);
    Output output_;
};
#endif

}  // namespace

std::unique_ptr<Deflater> make_deflater(int level) {
    constexpr int kFastZlib = 4;
#ifdef OSB_HAVE_ISAL
    if (level == kFastDeflate) return std::make_unique<IsalDeflater>();
#endif
    return std::make_unique<ZlibDeflater>(level == kFastDeflate ? kFastZlib : level);
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

// Inflate through zlib, which is always available.
#include <zlib.h>

#include <algorithm>
#include <memory>

#include "base/error.hh"
#include "oci/codec/inflater.hh"

namespace osb::oci {
namespace {

class ZlibInflater final : public Inflater {
  public:
    ZlibInflater() {
        // Negative window bits select raw deflate.
        if (inflateInit2(&stream_, -MAX_WBITS) != Z_OK)
            throw Error(ErrorKind::internal, "zlib: inflateInit2 failed");
    }
    ZlibInflater(const ZlibInflater&) = delete;
    ZlibInflater& operator=(const ZlibInflater&) = delete;
    ~ZlibInflater() override { inflateEnd(&stream_); }

    void reset() override {
        if (inflateReset(&stream_) != Z_OK) throw Error(ErrorKind::internal, "zlib: inflateReset failed");
    }

    Step inflate(ByteView in, MutableBytes out) override {
        const auto in_size = static_cast<uInt>(std::min(in.size(), kMaxCall));
        const auto out_size = static_cast<uInt>(std::min(out.size(), kMaxCall));
        stream_.next_in = const_cast<Bytef*>(in.data());  // zlib does not write through it
        stream_.avail_in = in_size;
        stream_.next_out = out.data();
        stream_.avail_out = out_size;
        const int status = ::inflate(&stream_, Z_NO_FLUSH);
        // Z_BUF_ERROR only reports that this call made no progress.
        if (status == Z_MEM_ERROR) throw Error(ErrorKind::internal, "zlib: out of memory");
        if (status != Z_OK && status != Z_STREAM_END && status != Z_BUF_ERROR)
            throw Error(ErrorKind::invalid, "invalid deflate data");
        Step step;
        step.consumed = in_size - stream_.avail_in;
        step.produced = out_size - stream_.avail_out;
        step.finished = status == Z_STREAM_END;
        return step;
    }

    std::uint32_t crc32(std::uint32_t crc, ByteView bytes) override {
        return static_cast<std::uint32_t>(::crc32_z(crc, bytes.data(), bytes.size()));
    }

  private:
    z_stream stream_{};
};

}  // namespace

std::unique_ptr<Inflater> make_zlib_inflater() {
    return std::make_unique<ZlibInflater>();
}

}  // namespace osb::oci

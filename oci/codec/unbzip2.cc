#include "oci/codec/unbzip2.hh"

#include <bzlib.h>

#include <algorithm>
#include <limits>
#include <span>

#include "base/error.hh"
#include "base/interrupt.hh"

namespace osb::oci {
namespace {

constexpr std::size_t kBzip2Input = 256UL * 1024;

[[noreturn]] void fail_bzip2(int code) {
    switch (code) {
        case BZ_MEM_ERROR:
            throw Error(ErrorKind::too_large, "bzip2 stream: the decoder needs more memory than there is");
        case BZ_DATA_ERROR_MAGIC:
            throw Error(ErrorKind::invalid, "not a bzip2 stream");
        case BZ_CONFIG_ERROR:
        case BZ_PARAM_ERROR:
        case BZ_SEQUENCE_ERROR:
            throw Error(ErrorKind::internal, "libbz2 refuses its parameters");
        default:
            throw Error(ErrorKind::invalid, "bzip2 stream: invalid data");
    }
}

// The state of libbz2 for one stream. Its address must not change, because libbz2 points back to it.
class Bzip2Decoder {
  public:
    Bzip2Decoder() {
        const int code = BZ2_bzDecompressInit(&stream_, 0, 0);
        if (code != BZ_OK) fail_bzip2(code);
    }
    Bzip2Decoder(const Bzip2Decoder&) = delete;
    Bzip2Decoder& operator=(const Bzip2Decoder&) = delete;
    ~Bzip2Decoder() { BZ2_bzDecompressEnd(&stream_); }

    bz_stream* operator->() noexcept { return &stream_; }
    int decompress() noexcept { return BZ2_bzDecompress(&stream_); }

  private:
    bz_stream stream_{};
};

class Bzip2Source final : public Source {
  public:
    explicit Bzip2Source(Source& inner)
        : inner_(inner),
          input_(std::make_unique_for_overwrite<char[]>(kBzip2Input)),
          decoder_(std::make_unique<Bzip2Decoder>()) {}

    std::size_t read(MutableBytes buffer) override {
        buffer = buffer.first(std::min<std::size_t>(buffer.size(), std::numeric_limits<unsigned>::max()));
        std::size_t written = 0;
        while (decoder_ && written == 0 && !buffer.empty()) {
            check_interrupt();
            fill();
            written = decode(buffer);
        }
        return written;
    }

  private:
    void fill() {
        if (!rest_.empty() || at_end_) return;
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): char aliases
        const MutableBytes target(reinterpret_cast<std::uint8_t*>(input_.get()), kBzip2Input);
        rest_ = {input_.get(), inner_.read(target)};
        at_end_ = rest_.empty();
    }

    std::size_t decode(MutableBytes buffer) {
        Bzip2Decoder& decoder = *decoder_;
        decoder->next_in = rest_.data();
        decoder->avail_in = static_cast<unsigned>(rest_.size());
        // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): char aliases
        decoder->next_out = reinterpret_cast<char*>(buffer.data());
        decoder->avail_out = static_cast<unsigned>(buffer.size());
        const int code = decoder.decompress();
        rest_ = rest_.last(decoder->avail_in);
        const std::size_t written = buffer.size() - decoder->avail_out;
        if (code == BZ_STREAM_END) {
            start_next_stream();
        } else if (code == BZ_DATA_ERROR_MAGIC && ended_streams_) {
            throw Error(ErrorKind::invalid, "bzip2 stream: rubbish after its end");
        } else if (code != BZ_OK) {
            fail_bzip2(code);
        } else if (written == 0 && at_end_) {
            throw Error(ErrorKind::invalid, "bzip2 stream: truncated");
        }
        return written;
    }

    // Without more input the file is at its end.
    void start_next_stream() {
        ended_streams_ = true;
        fill();
        decoder_.reset();
        if (!rest_.empty()) decoder_ = std::make_unique<Bzip2Decoder>();
    }

    Source& inner_;
    std::unique_ptr<char[]> input_;
    std::span<char> rest_;                   // of input_, not yet decoded
    std::unique_ptr<Bzip2Decoder> decoder_;  // null at the end of the file
    bool at_end_ = false;
    bool ended_streams_ = false;
};

}  // namespace

std::unique_ptr<Source> unbzip2(Source& inner) {
    return std::make_unique<Bzip2Source>(inner);
}

}  // namespace osb::oci

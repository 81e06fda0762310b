#include "oci/codec/unxz.hh"

#include <lzma.h>

#include "base/error.hh"
#include "base/interrupt.hh"

namespace osb::oci {
namespace {

constexpr std::size_t kInputChunk = 256UL * 1024;
// Level 9 of xz needs 65 MiB. A stream can request far more.
constexpr std::uint64_t kMaxMemory = 128UL * 1024 * 1024;

[[noreturn]] void fail_xz(lzma_ret code) {
    switch (code) {
        case LZMA_MEM_ERROR:
            throw Error(ErrorKind::too_large, "xz stream: the decoder needs more memory than there is");
        case LZMA_MEMLIMIT_ERROR:
            throw Error(ErrorKind::too_large, "xz stream: the decoder needs more than 128 MiB");
        case LZMA_FORMAT_ERROR:
            throw Error(ErrorKind::invalid, "not an xz stream");
        case LZMA_OPTIONS_ERROR:
            throw Error(ErrorKind::unsupported, "xz stream: unknown options");
        case LZMA_BUF_ERROR:
            throw Error(ErrorKind::invalid, "xz stream: truncated");
        default:
            throw Error(ErrorKind::invalid, "xz stream: invalid data");
    }
}

class XzSource final : public Source {
  public:
    XzSource(Source& inner, std::uint32_t flags)
        : inner_(inner), input_(std::make_unique_for_overwrite<std::uint8_t[]>(kInputChunk)) {
        const lzma_ret code = lzma_stream_decoder(&stream_, kMaxMemory, flags);
        if (code != LZMA_OK) fail_xz(code);
    }
    XzSource(const XzSource&) = delete;
    XzSource& operator=(const XzSource&) = delete;
    ~XzSource() override { lzma_end(&stream_); }

    std::size_t read(MutableBytes buffer) override {
        stream_.next_out = buffer.data();
        stream_.avail_out = buffer.size();
        while (!ended_ && stream_.avail_out == buffer.size()) {
            check_interrupt();
            fill();
            const lzma_ret code = lzma_code(&stream_, at_end_ ? LZMA_FINISH : LZMA_RUN);
            if (code == LZMA_STREAM_END) {
                end();
            } else if (code != LZMA_OK) {
                fail_xz(code);
            }
        }
        return buffer.size() - stream_.avail_out;
    }

  private:
    void fill() {
        if (stream_.avail_in > 0 || at_end_) return;
        stream_.next_in = input_.get();
        stream_.avail_in = inner_.read({input_.get(), kInputChunk});
        at_end_ = stream_.avail_in == 0;
    }

    void end() {
        ended_ = true;
        fill();
        if (stream_.avail_in > 0) throw Error(ErrorKind::invalid, "xz stream: rubbish after its end");
    }

    Source& inner_;
    std::unique_ptr<std::uint8_t[]> input_;
    lzma_stream stream_ = LZMA_STREAM_INIT;
    bool at_end_ = false;
    bool ended_ = false;
};

}  // namespace

std::unique_ptr<Source> unxz(Source& inner) {
    return std::make_unique<XzSource>(inner, 0);
}

std::unique_ptr<Source> unxz_file(Source& inner) {
    return std::make_unique<XzSource>(inner, LZMA_CONCATENATED);
}

}  // namespace osb::oci

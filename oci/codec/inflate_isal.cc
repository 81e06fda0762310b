// Inflate through ISA-L, which is much faster than zlib. ISA-L accepts streams that zlib and Go reject;
// DeflateCheck rejects them.
#include <memory>

#include "oci/codec/inflater.hh"

#ifdef OSB_HAVE_ISAL

#include <isa-l/crc.h>
#include <isa-l/igzip_lib.h>

#include <algorithm>

#include "base/error.hh"
#include "oci/codec/deflate_check.hh"

namespace osb::oci {
namespace {

class IsalInflater final : public Inflater {
  public:
    // The state must be zeroed first, because isal_inflate_init() sets only a part of it.
    IsalInflater() : state_(std::make_unique<inflate_state>()) { isal_inflate_init(state_.get()); }

    void reset() override {
        isal_inflate_reset(state_.get());
        // Use raw deflate, because versions of ISA-L differ in the gzip framing that they accept.
        state_->crc_flag = ISAL_DEFLATE;
        check_.reset();
    }

    Step inflate(ByteView in, MutableBytes out) override {
        const auto in_size = static_cast<std::uint32_t>(std::min(in.size(), kMaxCall));
        const auto out_size = static_cast<std::uint32_t>(std::min(out.size(), kMaxCall));
        state_->next_in = const_cast<std::uint8_t*>(in.data());  // ISA-L does not write through it
        state_->avail_in = in_size;
        state_->next_out = out.data();
        state_->avail_out = out_size;
        // Positive values report that input or output is used up.
        if (isal_inflate(state_.get()) < 0) throw Error(ErrorKind::invalid, "invalid deflate data");
        Step step;
        step.consumed = in_size - state_->avail_in;
        step.produced = out_size - state_->avail_out;
        step.finished = state_->block_state == ISAL_BLOCK_FINISH;
        if (step.finished) take_read_ahead(step);
        check_.update(in.first(step.consumed));
        if (step.finished) check_.finish(step.read_ahead_size);
        return step;
    }

    std::uint32_t crc32(std::uint32_t crc, ByteView bytes) override {
        return crc32_gzip_refl(crc, bytes.data(), bytes.size());
    }

  private:
    // ISA-L has a bit buffer of 64 bits, and leaves the whole bytes after the end of the stream in it. The
    // rest of the last byte of the stream, less than eight bits, precedes them.
    void take_read_ahead(Step& step) const {
        const int bits = state_->read_in_length;
        if (bits < 0 || bits > 64) throw Error(ErrorKind::invalid, "truncated");
        if (bits == 0) return;
        std::uint64_t buffered = state_->read_in >> (static_cast<unsigned>(bits) % 8U);
        step.read_ahead_size = static_cast<std::size_t>(bits) / 8U;
        for (std::size_t i = 0; i < step.read_ahead_size; ++i) {
            step.read_ahead[i] = static_cast<std::uint8_t>(buffered);
            buffered >>= 8U;
        }
    }

    std::unique_ptr<inflate_state> state_;
    DeflateCheck check_;
};

}  // namespace

std::unique_ptr<Inflater> make_fast_inflater() {
    return std::make_unique<IsalInflater>();
}

}  // namespace osb::oci

#else

namespace osb::oci {

std::unique_ptr<Inflater> make_fast_inflater() {
    return make_zlib_inflater();
}

}  // namespace osb::oci

#endif

#include "oci/codec/gzip_source.hh"

#include <algorithm>
#include <array>
#include <cstring>
#include <utility>

#include "base/byte_order.hh"
#include "base/error.hh"
#include "base/interrupt.hh"
#include "oci/codec/decompress.hh"

namespace osb::oci {
namespace {

constexpr std::size_t kGzipInputChunk = 256UL * 1024;
// Smaller reads are served from a buffer, because each call of a decoder has a fixed cost.
constexpr std::size_t kDirectOutput = 64UL * 1024;
constexpr std::size_t kSpareOutput = 256UL * 1024;

// Bits of the FLG byte (RFC 1952, 2.3.1).
constexpr unsigned kFlagHeaderCrc = 0x02;
constexpr unsigned kFlagExtra = 0x04;
constexpr unsigned kFlagName = 0x08;
constexpr unsigned kFlagComment = 0x10;
constexpr unsigned kFlagsReserved = 0xe0;

[[noreturn]] void fail_gzip(std::string_view why) {
    throw Error(ErrorKind::invalid, concat("gzip stream: ", why));
}

class GzipSource final : public Source {
  public:
    GzipSource(Source& inner, std::unique_ptr<Inflater> inflater)
        : inner_(inner),
          inflater_(std::move(inflater)),
          input_(std::make_unique_for_overwrite<std::uint8_t[]>(Inflater::kMaxReadAhead + kGzipInputChunk)) {}

    std::size_t read(MutableBytes buffer) override {
        if (buffer.size() >= kDirectOutput) {
            if (spare_begin_ == spare_end_) return decode(buffer);
        } else if (spare_begin_ == spare_end_) {
            if (!spare_) spare_ = std::make_unique_for_overwrite<std::uint8_t[]>(kSpareOutput);
            spare_begin_ = 0;
            spare_end_ = 0;  // also when decode() throws
            spare_end_ = decode({spare_.get(), kSpareOutput});
        }
        const std::size_t n = std::min(buffer.size(), spare_end_ - spare_begin_);
        if (n > 0) std::memcpy(buffer.data(), spare_.get() + spare_begin_, n);
        spare_begin_ += n;
        return n;
    }

  private:
    enum class State { first_member, member, between_members, end };

    // Decodes at least one byte. Returns 0 at the end of the last member.
    std::size_t decode(MutableBytes out) {
        for (;;) {
            check_interrupt();
            switch (state_) {
                case State::first_member:
                    if (!have_input()) fail_gzip("empty");
                    begin_member();
                    break;
                case State::member:
                    if (const std::size_t n = decode_member(out); n > 0) return n;
                    break;
                case State::between_members:
                    after_member();
                    break;
                case State::end:
                    return 0;
            }
        }
    }

    std::size_t decode_member(MutableBytes out) {
        const Inflater::Step step =
            with_context([] { return "gzip stream"; },
                         [&] {
                             return inflater_->inflate({input_.get() + begin_, end_ - begin_}, out);
                         });
        begin_ += step.consumed;
        crc_ = inflater_->crc32(crc_, out.first(step.produced));
        length_ += static_cast<std::uint32_t>(step.produced);  // ISIZE is the length modulo 2^32
        if (step.finished) {
            unread(step);
            check_trailer();
            state_ = State::between_members;
        } else if (step.produced == 0 && step.consumed == 0) {
            if (begin_ != end_) fail_gzip("invalid deflate data");
            if (!have_input()) fail_gzip("truncated");
        }
        return step.produced;
    }

    // Puts the bytes that the decoder read too far back to the front of the input. There is always room:
    // refill() leaves kMaxReadAhead bytes free, and only bytes consumed since the start of the member go
    // back.
    void unread(const Inflater::Step& step) {
        begin_ -= step.read_ahead_size;
        std::memcpy(input_.get() + begin_, step.read_ahead.data(), step.read_ahead_size);
    }

    void begin_member() {
        header_crc_ = 0;
        if (header_byte() != 0x1f || header_byte() != 0x8b) fail_gzip("not gzip: no magic number");
        if (header_byte() != 8) fail_gzip("compression method is not deflate");
        const unsigned flags = header_byte();
        if ((flags & kFlagsReserved) != 0) fail_gzip("reserved header flags are set");
        for (int i = 0; i < 6; ++i) header_byte();  // MTIME, XFL, OS
        if ((flags & kFlagExtra) != 0) {
            const std::array<std::uint8_t, 2> length{header_byte(), header_byte()};
            for (auto left = from_little_endian(length); left > 0; --left) header_byte();
        }
        if ((flags & kFlagName) != 0) skip_header_string();
        if ((flags & kFlagComment) != 0) skip_header_string();
        if ((flags & kFlagHeaderCrc) != 0) {
            const std::uint32_t expected = header_crc_ & 0xffffU;
            if (number<2>() != expected) fail_gzip("wrong header checksum");
        }
        inflater_->reset();
        crc_ = 0;
        length_ = 0;
        state_ = State::member;
    }

    void check_trailer() {
        if (number<4>() != crc_) fail_gzip("wrong checksum of the content");
        if (number<4>() != length_) fail_gzip("wrong length of the content");
    }

    // Handles what follows a member: another member, zero padding to the end, or the end.
    void after_member() {
        if (!have_input()) {
            state_ = State::end;
            return;
        }
        if (input_[begin_] != 0) {
            if (input_[begin_] != 0x1f) fail_gzip("rubbish after the last member");
            begin_member();
            return;
        }
        do {
            check_interrupt();
            const std::uint8_t* rest = input_.get() + begin_;
            // All bytes are equal if the bytes equal themselves shifted by one.
            if (*rest != 0 || std::memcmp(rest, rest + 1, end_ - begin_ - 1) != 0)
                fail_gzip("rubbish after the last member");
            begin_ = end_;
        } while (have_input());
        state_ = State::end;
    }

    void skip_header_string() {
        while (header_byte() != 0) {
        }
    }

    std::uint8_t header_byte() {
        const std::uint8_t byte = next_byte();
        header_crc_ = inflater_->crc32(header_crc_, {&byte, 1});
        return byte;
    }

    template<std::size_t Size>
    std::uint64_t number() {
        std::array<std::uint8_t, Size> bytes{};
        for (std::uint8_t& byte : bytes) byte = next_byte();
        return from_little_endian(bytes);
    }

    std::uint8_t next_byte() {
        if (!have_input()) fail_gzip("truncated");
        return input_[begin_++];
    }

    // Returns true if a byte of input is available, and reads more input if necessary.
    bool have_input() {
        if (begin_ != end_) return true;
        begin_ = Inflater::kMaxReadAhead;
        end_ = begin_ + inner_.read({input_.get() + begin_, kGzipInputChunk});
        return begin_ != end_;
    }

    Source& inner_;
    std::unique_ptr<Inflater> inflater_;
    State state_ = State::first_member;
    std::unique_ptr<std::uint8_t[]> input_;
    std::size_t begin_ = Inflater::kMaxReadAhead;
    std::size_t end_ = Inflater::kMaxReadAhead;
    std::unique_ptr<std::uint8_t[]> spare_;
    std::size_t spare_begin_ = 0;
    std::size_t spare_end_ = 0;
    std::uint32_t header_crc_ = 0;
    std::uint32_t crc_ = 0;
    std::uint32_t length_ = 0;
};

}  // namespace

std::unique_ptr<Source> gunzip_fast(Source& inner) {
    return make_gzip_source(inner, make_fast_inflater());
}

std::unique_ptr<Source> gunzip_zlib(Source& inner) {
    return make_gzip_source(inner, make_zlib_inflater());
}

std::unique_ptr<Source> make_gzip_source(Source& inner, std::unique_ptr<Inflater> inflater) {
    return std::make_unique<GzipSource>(inner, std::move(inflater));
}

}  // namespace osb::oci

#include "oci/tar/tar_input.hh"

#include <algorithm>
#include <cstring>

#include "base/error.hh"
#include "base/interrupt.hh"

namespace osb::oci {
namespace {

// Half of it fits the second-level cache, and the decoders are fastest with long reads.
constexpr std::size_t kReadAhead = 256UL * 1024;

// Reads of at least this size bypass the read-ahead buffer.
constexpr std::size_t kDirectRead = 64UL * 1024;

}  // namespace

void throw_truncated_tar() {
    throw Error(ErrorKind::invalid, "the archive is truncated");
}

TarInput::TarInput(Source& source)
    : source_(source), ahead_(std::make_unique_for_overwrite<std::uint8_t[]>(kReadAhead)) {}

bool TarInput::at_end() {
    return fill(1) == 0;
}

TarBlock TarInput::take_block() {
    if (fill(kTarBlock) < kTarBlock) throw_truncated_tar();
    const TarBlock block(ahead_.get() + begin_, kTarBlock);
    take(kTarBlock);
    return block;
}

std::size_t TarInput::read(MutableBytes buffer) {
    if (begin_ == end_ && buffer.size() >= kDirectRead) {
        const std::size_t n = source_.read(buffer);
        position_ += n;
        return n;
    }
    const std::size_t n = std::min(fill(1), buffer.size());
    if (n > 0) std::memcpy(buffer.data(), ahead_.get() + begin_, n);
    take(n);
    return n;
}

void TarInput::skip(std::uint64_t count) {
    const auto buffered = static_cast<std::size_t>(std::min<std::uint64_t>(count, end_ - begin_));
    take(buffered);
    count -= buffered;
    if (count == 0) return;
    // The rest is usually short, and the next header follows it.
    if (count <= kTarBlock) {
        if (fill(static_cast<std::size_t>(count)) < count) throw_truncated_tar();
        take(static_cast<std::size_t>(count));
        return;
    }
    const std::uint64_t skipped = source_.skip(count);
    position_ += skipped;
    if (skipped < count) throw_truncated_tar();
}

void TarInput::skip_padding(std::size_t count) {
    take(std::min(fill(count), count));
}

ByteView TarInput::take_some() {
    const std::size_t n = fill(1);
    const ByteView bytes(ahead_.get() + begin_, n);
    take(n);
    return bytes;
}

std::size_t TarInput::fill(std::size_t want) {
    if (end_ - begin_ >= want) return end_ - begin_;
    check_interrupt();
    std::memmove(ahead_.get(), ahead_.get() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    while (end_ < want) {
        const std::size_t n = source_.read({ahead_.get() + end_, kReadAhead - end_});
        if (n == 0) break;
        end_ += n;
    }
    return end_;
}

void TarInput::take(std::size_t count) noexcept {
    begin_ += count;
    position_ += count;
}

}  // namespace osb::oci

#include "oci/chunked/chunker.hh"

#include <algorithm>
#include <utility>

#include "oci/tar/zeros.hh"

namespace osb::oci {

static_assert(Chunker::kMinZeros <= kZeros.size());

// Updates the checksum. Returns true if the chunk ends with this byte.
bool Chunker::roll(std::uint8_t byte) noexcept {
    constexpr std::uint32_t kBorder = 0xFFFF;
    const std::uint32_t drop = window_[at_];
    window_[at_] = byte;
    at_ = (at_ + 1) % kWindow;
    sum1_ += byte - drop;
    sum2_ += sum1_ - kWindow * (drop + kCharOffset);
    ++rolled_;
    return rolled_ == kMaxChunk || ((sum2_ & kBorder) == kBorder && rolled_ >= kMinChunk);
}

// Resets to the state at the start, which is also the state after any run of zeros longer than the window.
void Chunker::restart_window() noexcept {
    window_.fill(0);
    sum1_ = kWindow * kCharOffset;
    sum2_ = kWindow * (kWindow - 1) * kCharOffset;
}

void Chunker::emit(ByteView bytes) {
    if (bytes.empty()) return;
    any_ = true;
    receiver_.chunk_data(bytes);
}

void Chunker::cut() {
    if (any_) receiver_.end_chunk();
    any_ = false;
    rolled_ = 0;
}

// Passes on the held-back zeros, as a chunk of their own or as ordinary bytes.
void Chunker::settle_zeros() {
    const std::uint64_t count = std::exchange(zeros_, 0);
    if (count >= kMinZeros) {
        cut();
        receiver_.zero_chunk(count);
        restart_window();
        return;
    }
    std::size_t begin = 0;
    const auto end = static_cast<std::size_t>(count);
    for (std::size_t i = 0; i < end; ++i) {
        if (!roll(0)) continue;
        emit(ByteView(kZeros).subspan(begin, i + 1 - begin));
        cut();
        begin = i + 1;
    }
    emit(ByteView(kZeros).subspan(begin, end - begin));
}

void Chunker::write(ByteView bytes) {
    std::size_t begin = 0;  // the bytes before it were passed on, or are counted in zeros_
    std::size_t i = 0;
    while (i < bytes.size()) {
        std::size_t run = 1;
        if (bytes[i] == 0) {
            const auto rest = bytes.subspan(i);
            const auto end = std::find_if(rest.begin(), rest.end(), [](std::uint8_t b) { return b != 0; });
            run = static_cast<std::size_t>(end - rest.begin());
            // Hold back a run that may become a chunk of its own.
            if (zeros_ > 0 || run >= kMinZeros || end == rest.end()) {
                emit(bytes.subspan(begin, i - begin));
                zeros_ += run;
                i += run;
                begin = i;
                continue;
            }
        } else if (zeros_ > 0) {
            settle_zeros();
        }
        for (const std::size_t end = i + run; i < end;) {
            if (!roll(bytes[i++])) continue;
            emit(bytes.subspan(begin, i - begin));
            cut();
            begin = i;
        }
    }
    emit(bytes.subspan(begin));
}

void Chunker::finish() {
    if (zeros_ > 0) settle_zeros();
    cut();
    restart_window();
}

}  // namespace osb::oci

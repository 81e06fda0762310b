#include "base/stream.hh"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.hh"

namespace osb {

std::uint64_t Source::skip(std::uint64_t count) {
    std::array<std::uint8_t, 16UL * 1024> buffer;  // small enough for a thread's stack on musl
    std::uint64_t done = 0;
    while (done < count) {
        const auto want = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), count - done));
        const std::size_t n = read(MutableBytes(buffer).first(want));
        if (n == 0) break;
        done += n;
    }
    return done;
}

std::size_t MemorySource::read(MutableBytes buffer) {
    const std::size_t n = std::min(buffer.size(), rest_.size());
    if (n > 0) std::memcpy(buffer.data(), rest_.data(), n);
    rest_ = rest_.subspan(n);
    return n;
}

std::uint64_t MemorySource::skip(std::uint64_t count) {
    const auto n = static_cast<std::size_t>(std::min<std::uint64_t>(count, rest_.size()));
    rest_ = rest_.subspan(n);
    return n;
}

std::string read_all(Source& source, std::size_t limit, std::string_view what) {
    constexpr std::size_t kStep = 64UL * 1024;
    std::string out;
    for (;;) {
        const std::size_t old = out.size();
        // One byte more than the limit is enough to know that it is exceeded.
        const std::size_t want = std::min(kStep, limit - old + 1);
        out.resize(old + want);
        const std::size_t n =
            source.read({reinterpret_cast<std::uint8_t*>(out.data()) + old, want});  // NOLINT: char aliases
        out.resize(old + n);
        if (n == 0) return out;
        if (out.size() > limit)
            throw Error(ErrorKind::too_large, concat(what, ": more than ", limit, " bytes"));
    }
}

std::size_t read_full(Source& source, MutableBytes buffer) {
    std::size_t done = 0;
    while (done < buffer.size()) {
        const std::size_t n = source.read(buffer.subspan(done));
        if (n == 0) break;
        done += n;
    }
    return done;
}

}  // namespace osb

// Compressed streams. The first byte chooses the format; of gzip both decoders must say the same.
// Reads of other sizes must not matter.
#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <string>

#include "base/error.hh"
#include "oci/codec/decompress.hh"
#include "oci/codec/unbzip2.hh"

namespace {

using namespace osb;

// A bomb is not what is looked for here.
constexpr std::size_t kMaxContent = 4UL << 20U;

void require(bool condition) {
    if (!condition) std::abort();
}

class StepSource final : public Source {
  public:
    StepSource(ByteView bytes, std::size_t step) : rest_(bytes), step_(step) {}
    std::size_t read(MutableBytes buffer) override {
        const std::size_t n = std::min({buffer.size(), rest_.size(), step_});
        std::copy_n(rest_.begin(), n, buffer.begin());
        rest_ = rest_.subspan(n);
        return n;
    }

  private:
    ByteView rest_;
    std::size_t step_;
};

struct Outcome {
    bool ok = true;
    bool cut = false;
    std::string content;
};

template<typename Decoder>
Outcome decode(ByteView bytes, std::size_t in_step, std::size_t out_step, const Decoder& decoder) {
    Outcome outcome;
    StepSource inner(bytes, in_step);
    std::string buffer(out_step, '\0');
    const MutableBytes target(reinterpret_cast<std::uint8_t*>(buffer.data()), buffer.size());
    try {
        const std::unique_ptr<Source> source = decoder(inner);
        while (const std::size_t n = source->read(target)) {
            outcome.content.append(buffer, 0, n);
            if (outcome.content.size() > kMaxContent) {
                outcome.cut = true;
                break;
            }
        }
    } catch (const Error& error) {
        require(error.kind() == ErrorKind::invalid || error.kind() == ErrorKind::too_large ||
                error.kind() == ErrorKind::unsupported);
        outcome.ok = false;
    }
    return outcome;
}

void require_same(const Outcome& a, const Outcome& b) {
    if (a.cut || b.cut) return;
    require(a.ok == b.ok);
    if (a.ok) require(a.content == b.content);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const ByteView bytes(data + 1, size - 1);
    if (data[0] == 'b') {
        require_same(decode(bytes, 1UL << 20U, 70000, oci::unbzip2), decode(bytes, 3, 100, oci::unbzip2));
        return 0;
    }
    const auto unzstd = [](Source& inner) { return oci::decompress(inner, oci::Compression::zstd); };
    if ((data[0] & 1U) != 0) {
        require_same(decode(bytes, 1UL << 20U, 70000, unzstd), decode(bytes, 3, 100, unzstd));
        return 0;
    }
    const Outcome zlib = decode(bytes, 1UL << 20U, 70000, oci::gunzip_zlib);
    require_same(zlib, decode(bytes, 1UL << 20U, 70000, oci::gunzip_fast));
    require_same(zlib, decode(bytes, 3, 100, oci::gunzip_fast));
    return 0;
}

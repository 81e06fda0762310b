#include "ostree/import/range_reader.hh"

#include <algorithm>
#include <memory>
#include <thread>

#include "base/error.hh"
#include "base/interrupt.hh"
#include "oci/codec/unzstd.hh"

namespace osb::ostree {
namespace {

constexpr unsigned kConnections = 6;

// The next `size` bytes of a source.
class SourcePart final : public Source {
  public:
    SourcePart(Source& inner, std::uint64_t size) : inner_(inner), left_(size) {}

    std::size_t read(MutableBytes buffer) override {
        buffer = buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left_)));
        if (buffer.empty()) return 0;
        const std::size_t n = inner_.read(buffer);
        if (n == 0) throw Error(ErrorKind::digest_mismatch, "the blob ends too early");
        left_ -= n;
        return n;
    }

    // Skips the rest of the part.
    void pass() {
        if (inner_.skip(left_) != left_) throw Error(ErrorKind::digest_mismatch, "the blob ends too early");
        left_ = 0;
    }

  private:
    Source& inner_;
    std::uint64_t left_;
};

}  // namespace

void read_blob_range(const oci::Image& image, std::size_t index, const BlobRange& range, Progress& progress,
                     const TakePart& take) {
    const std::unique_ptr<Source> source =
        image.source->open_range(image.manifest.layers[index], range.begin, range.end - range.begin);
    std::uint64_t at = range.begin;
    for (const BlobPart& part : range.parts) {
        check_interrupt();
        SourcePart(*source, part.begin - at).pass();
        SourcePart packed(*source, part.end - part.begin);
        take(part, *oci::unzstd(packed));
        packed.pass();
        progress.advance(part.end - at);
        at = part.end;
    }
}

unsigned fetch_threads(unsigned threads) {
    return std::max(threads != 0 ? threads : std::thread::hardware_concurrency(), kConnections);
}

void read_exactly(Source& content, MutableBytes buffer) {
    if (read_full(content, buffer) != buffer.size())
        throw Error(ErrorKind::digest_mismatch, "the content is shorter than the table of contents declares");
}

void expect_end(Source& content) {
    std::uint8_t more = 0;
    if (content.read({&more, 1}) != 0)
        throw Error(ErrorKind::digest_mismatch, "the content is longer than the table of contents declares");
}

std::string read_small(Source& content, std::uint64_t size) {
    std::string out(static_cast<std::size_t>(size), '\0');
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): char aliases
    read_exactly(content, {reinterpret_cast<std::uint8_t*>(out.data()), out.size()});
    expect_end(content);
    return out;
}

}  // namespace osb::ostree

#include "ostree/objects/filez.hh"

#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <utility>

#include "base/byte_order.hh"
#include "base/error.hh"
#include "base/interrupt.hh"
#include "base/object_pool.hh"
#include "oci/codec/inflater.hh"
#include "ostree/objects/glib.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kInput = 128UL * 1024;  // a small file needs a single read(2)
constexpr std::size_t kMaxHeader = kMaxMetadataSize;
constexpr std::size_t kHeaderPrefix = 8;  // the length of the header, and padding

[[noreturn]] void fail(std::string_view why) {
    throw Error(ErrorKind::invalid, std::string(why));
}

// The buffers and tables to read one file. They are reused, because an inflater's tables need at least 100
// KiB.
struct Scratch {
    std::unique_ptr<oci::Inflater> inflater = oci::make_fast_inflater();
    std::unique_ptr<std::uint8_t[]> input = std::make_unique_for_overwrite<std::uint8_t[]>(kInput);
};
using Scratches = ObjectPool<Scratch>;

Scratches& scratches() {
    static Scratches instance([] { return std::make_unique<Scratch>(); });
    return instance;
}

// The compressed file, read in large pieces.
class Input {
  public:
    explicit Input(Fd file) : file_(std::move(file)), scratch_(scratches().take()) {}

    oci::Inflater& inflater() const noexcept { return *scratch_->inflater; }
    ByteView bytes() const noexcept { return {scratch_->input.get() + begin_, end_ - begin_}; }
    void consume(std::size_t count) noexcept { begin_ += count; }

    // Reads more if the buffer is empty. Returns false at the end of the file.
    bool fill() {
        if (begin_ != end_) return true;
        for (;;) {
            check_interrupt();
            const ssize_t n = ::read(file_.get(), scratch_->input.get(), kInput);
            if (n < 0 && errno == EINTR) continue;
            if (n < 0) throw_errno("cannot read");
            begin_ = 0;
            end_ = static_cast<std::size_t>(n);
            return n > 0;
        }
    }

    void read_exactly(MutableBytes buffer) {
        while (!buffer.empty()) {
            if (!fill()) fail("the header is truncated");
            const std::size_t n = std::min(buffer.size(), bytes().size());
            std::memcpy(buffer.data(), bytes().data(), n);
            consume(n);
            buffer = buffer.subspan(n);
        }
    }

  private:
    Fd file_;
    Scratches::Lease scratch_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
};

class InflatedSource final : public Source {
  public:
    InflatedSource(Input input, std::uint64_t size) : input_(std::move(input)), left_(size) {
        input_.inflater().reset();
    }

    std::size_t read(MutableBytes buffer) override {
        const MutableBytes out =
            buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), left_)));
        while (!out.empty()) {
            const oci::Inflater::Step step = input_.inflater().inflate(input_.bytes(), out);
            input_.consume(step.consumed);
            left_ -= step.produced;
            if (step.produced > 0) return step.produced;
            if (step.finished) fail("the content is shorter than the header declares");
            if (step.consumed > 0) continue;
            if (!input_.bytes().empty()) fail("invalid deflate data");
            if (!input_.fill()) fail("the content is truncated");
        }
        return 0;
    }

  private:
    Input input_;
    std::uint64_t left_;
};

std::string read_header(Input& input) {
    std::array<std::uint8_t, kHeaderPrefix> prefix{};
    input.read_exactly(prefix);
    const std::size_t length = from_big_endian(ByteView(prefix).first(4));
    if (length > kMaxHeader) fail("the header is too large");
    std::string out(length, '\0');
    input.read_exactly({reinterpret_cast<std::uint8_t*>(out.data()), out.size()});  // NOLINT: char aliases
    return out;
}

}  // namespace

namespace {

// The fields of a header, without the content.
ContentObject parse_header(std::string_view bytes) {
    const GVariantPtr header = variant_from_bytes(G_VARIANT_TYPE("(tuuuusa(ayay))"), as_bytes(bytes), false);
    if (g_variant_is_normal_form(header.get()) == FALSE) fail("the header is malformed");
    guint64 size = 0;
    const char* target = nullptr;
    ContentObject out;
    g_variant_get_child(header.get(), 0, "t", &size);
    g_variant_get_child(header.get(), 1, "u", &out.uid);
    g_variant_get_child(header.get(), 2, "u", &out.gid);
    g_variant_get_child(header.get(), 3, "u", &out.mode);
    g_variant_get_child(header.get(), 5, "&s", &target);
    out.uid = GUINT32_FROM_BE(out.uid);
    out.gid = GUINT32_FROM_BE(out.gid);
    out.mode = GUINT32_FROM_BE(out.mode);
    const GVariantPtr xattrs = take(g_variant_get_child_value(header.get(), 6));
    out.xattrs = as_text(bytes_of(xattrs.get()));
    if (S_ISLNK(out.mode)) {
        out.target = target;
    } else if (S_ISREG(out.mode)) {
        out.size = GUINT64_FROM_BE(size);
    } else {
        fail("neither a file nor a symbolic link");
    }
    return out;
}

// Reads until the buffer is full or the file ends. Returns the number of bytes.
std::size_t read_at(const Fd& file, MutableBytes buffer, std::size_t offset) {
    std::size_t got = 0;
    while (got < buffer.size()) {
        check_interrupt();
        const ssize_t n =
            ::pread(file.get(), buffer.data() + got, buffer.size() - got, static_cast<off_t>(offset + got));
        if (n < 0 && errno == EINTR) continue;
        if (n < 0) throw_errno("cannot read");
        if (n == 0) break;
        got += static_cast<std::size_t>(n);
    }
    return got;
}

}  // namespace

ContentObject open_filez(Fd file) {
    Input input(std::move(file));
    const std::string bytes = read_header(input);
    ContentObject out = parse_header(bytes);
    if (S_ISREG(out.mode)) out.content = std::make_unique<InflatedSource>(std::move(input), out.size);
    return out;
}

ContentObject read_filez_header(const Fd& file) {
    std::array<std::uint8_t, 512> start{};  // nearly every header
    const std::size_t got = read_at(file, start, 0);
    if (got < kHeaderPrefix) fail("the header is truncated");
    const std::size_t length = from_big_endian(ByteView(start).first(4));
    if (length > kMaxHeader) fail("the header is too large");
    const std::size_t have = std::min(length, got - kHeaderPrefix);
    std::string bytes(as_text(ByteView(start).subspan(kHeaderPrefix, have)));
    bytes.resize(length);
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast): char aliases
    const MutableBytes rest =
        MutableBytes(reinterpret_cast<std::uint8_t*>(bytes.data()), length).subspan(have);
    if (read_at(file, rest, kHeaderPrefix + have) < rest.size()) fail("the header is truncated");
    return parse_header(bytes);
}

}  // namespace osb::ostree

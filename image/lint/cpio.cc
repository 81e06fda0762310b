#include "image/lint/cpio.hh"

#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string_view>
#include <vector>

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "oci/codec/decompress.hh"

namespace osb::image {
namespace {

constexpr std::size_t kHeader = 110;  // "070701" and 13 numbers of 8 hexadecimal digits
constexpr std::size_t kNumber = 8;
constexpr std::uint64_t kAlignment = 4;
constexpr std::string_view kTrailer = "TRAILER!!!";

// A source with a look ahead. Counts and limits the bytes.
class PeekSource final : public Source {
  public:
    explicit PeekSource(Source& inner) : inner_(inner), buffer_(64UL * 1024) {}

    // Up to `count` bytes, fewer only at the end. `count` is small.
    std::string_view peek(std::size_t count) {
        while (end_ - begin_ < count) {
            if (begin_ > 0) {
                std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
                end_ -= begin_;
                begin_ = 0;
            }
            const std::size_t n = inner_.read(MutableBytes(buffer_).subspan(end_));
            if (n == 0) break;
            end_ += n;
        }
        return as_text(ByteView(buffer_).subspan(begin_, std::min(count, end_ - begin_)));
    }

    std::size_t read(MutableBytes buffer) override {
        if (begin_ == end_) peek(1);
        const std::size_t n = std::min(buffer.size(), end_ - begin_);
        std::copy_n(buffer_.begin() + static_cast<std::ptrdiff_t>(begin_), n, buffer.begin());
        consume(n);
        return n;
    }

    std::uint64_t skip(std::uint64_t count) override {
        const std::uint64_t buffered = std::min<std::uint64_t>(count, end_ - begin_);
        consume(static_cast<std::size_t>(buffered));
        std::uint64_t skipped = buffered;
        if (skipped < count) {
            const std::uint64_t more = inner_.skip(count - skipped);
            advance(more);
            skipped += more;
        }
        return skipped;
    }

    std::uint64_t position() const noexcept { return position_; }

  private:
    void consume(std::size_t count) {
        begin_ += count;
        advance(count);
    }
    void advance(std::uint64_t count) {
        position_ += count;
        if (position_ > kMaxCpioBytes) {
            throw Error(ErrorKind::too_large, concat("it has more than ", kMaxCpioBytes, " bytes"));
        }
    }

    Source& inner_;
    std::vector<std::uint8_t> buffer_;
    std::size_t begin_ = 0;
    std::size_t end_ = 0;
    std::uint64_t position_ = 0;
};

[[noreturn]] void throw_cut() {
    throw Error(ErrorKind::invalid, "its cpio archive is cut off");
}

std::uint32_t hex_number(std::string_view digits) {
    std::uint32_t value = 0;
    const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value, 16);
    if (error != std::errc() || end != digits.data() + digits.size()) {
        throw Error(ErrorKind::invalid, concat("its cpio archive has a malformed number ", quoted(digits)));
    }
    return value;
}

bool is_newc(std::string_view head) {
    return head.starts_with("070701") || head.starts_with("070702");
}

void skip_exactly(PeekSource& in, std::uint64_t count) {
    if (in.skip(count) != count) throw_cut();
}

void align(PeekSource& in) {
    // The end of the file may cut the padding of the last entry.
    static_cast<void>(in.skip((kAlignment - in.position() % kAlignment) % kAlignment));
}

std::string normalized(std::string name) {
    name.resize(std::min(name.size(), std::strlen(name.c_str())));  // the field ends in a zero byte
    std::string_view rest = name;
    while (rest.starts_with('/') || rest.starts_with("./")) rest.remove_prefix(rest.front() == '/' ? 1 : 2);
    return std::string(rest);
}

// Header and name of the next entry. Its content follows.
CpioEntry read_header(PeekSource& in) {
    constexpr std::size_t kModeField = 1;
    constexpr std::size_t kSizeField = 6;
    constexpr std::size_t kNameSizeField = 11;
    const std::string_view head = in.peek(kHeader);
    if (!is_newc(head)) throw Error(ErrorKind::invalid, "its cpio archive ends without a trailer");
    if (head.size() < kHeader) throw_cut();
    const auto field = [&](std::size_t index) {
        return hex_number(head.substr(6 + index * kNumber, kNumber));
    };
    CpioEntry entry{.name = {}, .mode = field(kModeField), .size = field(kSizeField)};
    const std::uint32_t name_size = field(kNameSizeField);
    if (name_size == 0 || name_size > kMaxCpioName) {
        throw Error(ErrorKind::invalid, concat("its cpio archive has a name of ", name_size, " bytes"));
    }
    skip_exactly(in, kHeader);
    std::string name(name_size, '\0');
    if (read_full(in, {reinterpret_cast<std::uint8_t*>(name.data()), name.size()}) != name.size())
        throw_cut();
    align(in);
    entry.name = normalized(std::move(name));
    return entry;
}

class InitramfsReader {
  public:
    explicit InitramfsReader(const CpioVisitor& use) : use_(use) {}

    // Reads archives until the end. Returns false if the visitor stopped.
    bool read(Source& source, bool is_unpacked) {
        PeekSource in(source);
        for (;;) {
            check_interrupt();
            const std::string_view head = in.peek(8);
            if (head.empty()) return true;
            if (head.front() == '\0') {
                skip_zeros(in);
            } else if (is_newc(head)) {
                if (in.position() % kAlignment != 0) {
                    throw Error(ErrorKind::invalid,
                                "a cpio archive in it does not begin at a multiple of 4 bytes");
                }
                if (!read_archive(in)) return false;
            } else if (is_unpacked) {
                throw Error(ErrorKind::invalid, concat("not a cpio archive: it begins with ", quoted(head)));
            } else {
                return read_compressed(in, head);
            }
        }
    }

  private:
    static void skip_zeros(PeekSource& in) {
        for (;;) {
            const std::string_view bytes = in.peek(4096);
            const std::size_t end = bytes.find_first_not_of('\0');
            skip_exactly(in, std::min(end, bytes.size()));
            if (end != std::string_view::npos || bytes.empty()) return;
        }
    }

    bool read_archive(PeekSource& in) {
        for (;;) {
            check_interrupt();
            const CpioEntry entry = read_header(in);
            skip_exactly(in, entry.size);
            align(in);
            if (entry.name == kTrailer) return true;
            if (++entries_ > kMaxCpioEntries) {
                throw Error(ErrorKind::too_large, concat("it has more than ", kMaxCpioEntries, " entries"));
            }
            if (!use_(entry)) return false;
        }
    }

    bool read_compressed(PeekSource& in, std::string_view head) {
        using namespace std::string_view_literals;
        if (head.starts_with("\x1F\x8B"sv)) return read_unpacked(in, oci::Compression::gzip);
        if (head.starts_with("\x28\xB5\x2F\xFD"sv)) return read_unpacked(in, oci::Compression::zstd);
        constexpr std::array<std::pair<std::string_view, std::string_view>, 9> kFormats{
            {{"\xFD"
              "7zXZ\0"sv,
              "xz"},
             {"\x5D\0\0"sv, "lzma"},
             {"BZh"sv, "bzip2"},
             {"\x89LZO"sv, "lzo"},
             {"\x02\x21\x4C\x18"sv, "lz4"},
             {"\x04\x22\x4D\x18"sv, "lz4"},
             {"070707"sv, "the old cpio format odc, which Linux does not unpack"},
             {"\xC7\x71"sv, "an old binary cpio format, which Linux does not unpack"},
             {"\x71\xC7"sv, "an old binary cpio format, which Linux does not unpack"}}};
        for (const auto& [magic, name] : kFormats) {
            if (head.starts_with(magic)) throw Error(ErrorKind::unsupported, std::string(name));
        }
        throw Error(ErrorKind::invalid,
                    concat("neither a cpio archive nor a known compression: it begins with ", quoted(head)));
    }

    bool read_unpacked(PeekSource& in, oci::Compression compression) {
        const std::unique_ptr<Source> unpacked = oci::decompress(in, compression);
        return read(*unpacked, true);
    }

    const CpioVisitor& use_;
    std::size_t entries_ = 0;
};

}  // namespace

void read_initramfs(Source& file, const CpioVisitor& use) {
    InitramfsReader(use).read(file, false);
}

}  // namespace osb::image

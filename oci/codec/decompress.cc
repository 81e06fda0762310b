#include "oci/codec/decompress.hh"

#include <algorithm>
#include <array>
#include <cstring>

#include "base/error.hh"
#include "oci/codec/unbzip2.hh"
#include "oci/codec/unxz.hh"
#include "oci/codec/unzstd.hh"
#include "oci/tar/tar_header.hh"

namespace osb::oci {
namespace {

class PlainSource final : public Source {
  public:
    explicit PlainSource(Source& inner) noexcept : inner_(inner) {}
    std::size_t read(MutableBytes buffer) override { return inner_.read(buffer); }
    std::uint64_t skip(std::uint64_t count) override { return inner_.skip(count); }

  private:
    Source& inner_;
};

bool begins_tar_archive(ByteView head) {
    if (head.empty()) return true;
    if (head.size() < kTarBlock) return false;
    const TarBlock block = head.first<kTarBlock>();
    return is_zero_block(block) || has_tar_checksum(block);
}

// Detects a magic number of RFC 8878: of a frame, or of a skippable frame, with which parallel compressors
// start.
bool begins_zstd(std::string_view head) {
    if (head.starts_with("\x28\xB5\x2F\xFD")) return true;
    return head.size() >= 4 && (static_cast<unsigned char>(head[0]) & 0xf0U) == 0x50 &&
           head.substr(1).starts_with("\x2A\x4D\x18");
}

// Detects the compression from the first bytes, then decompresses them and the rest.
class LayerSource final : public Source {
  public:
    LayerSource(Source& inner, Compression declared) : rest_(inner) {
        const std::size_t size = read_full(inner, rest_.head);
        rest_.left = ByteView(rest_.head).first(size);
        const UntypedCompression untyped = find_untyped_compression(rest_.left);
        plain_ = untyped != UntypedCompression::none
                     ? decompress(rest_, untyped)
                     : decompress(rest_, find_compression(rest_.left, declared));
    }

    std::size_t read(MutableBytes buffer) override { return plain_->read(buffer); }
    std::uint64_t skip(std::uint64_t count) override { return plain_->skip(count); }

  private:
    struct Rest final : Source {
        explicit Rest(Source& source) noexcept : inner(source) {}
        std::size_t read(MutableBytes buffer) override {
            if (left.empty()) return inner.read(buffer);
            const std::size_t n = std::min(buffer.size(), left.size());
            std::memcpy(buffer.data(), left.data(), n);
            left = left.subspan(n);
            return n;
        }

        Source& inner;
        std::array<std::uint8_t, kTarBlock> head{};
        ByteView left;
    };

    Rest rest_;
    std::unique_ptr<Source> plain_;
};

}  // namespace

UntypedCompression find_untyped_compression(ByteView head) {
    using namespace std::string_view_literals;
    if (begins_tar_archive(head)) return UntypedCompression::none;
    const std::string_view text = as_text(head);
    if (text.starts_with("\xFD"
                         "7zXZ\0"sv))
        return UntypedCompression::xz;
    // The digit is the size of the blocks.
    const bool is_bzip2 = text.size() >= 4 && text.starts_with("BZh") && text[3] >= '1' && text[3] <= '9';
    return is_bzip2 ? UntypedCompression::bzip2 : UntypedCompression::none;
}

std::unique_ptr<Source> decompress(Source& inner, UntypedCompression compression) {
    switch (compression) {
        case UntypedCompression::xz:
            return unxz_file(inner);
        case UntypedCompression::bzip2:
            return unbzip2(inner);
        case UntypedCompression::none:
            break;
    }
    throw Error(ErrorKind::internal, "no compression");
}

Compression find_compression(ByteView head, Compression declared) {
    if (declared == Compression::none && begins_tar_archive(head)) return Compression::none;
    if (as_text(head).starts_with("\x1F\x8B")) return Compression::gzip;
    if (begins_zstd(as_text(head))) return Compression::zstd;
    return begins_tar_archive(head) ? Compression::none : declared;
}

std::unique_ptr<Source> decompress_layer(Source& inner, Compression declared) {
    return std::make_unique<LayerSource>(inner, declared);
}

std::unique_ptr<Source> decompress(Source& inner, Compression compression) {
    switch (compression) {
        case Compression::none:
            return std::make_unique<PlainSource>(inner);
        case Compression::gzip:
            return gunzip_fast(inner);
        case Compression::zstd:
            return unzstd(inner);
    }
    throw Error(ErrorKind::internal, "unknown compression");
}

}  // namespace osb::oci

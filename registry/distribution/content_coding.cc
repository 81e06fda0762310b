#include "registry/distribution/content_coding.hh"

#include <algorithm>
#include <array>
#include <cstring>
#include <optional>
#include <utility>

#include "base/error.hh"
#include "base/saturating.hh"
#include "oci/codec/decompress.hh"
#include "oci/documents/media_type.hh"
#include "registry/http/http_head.hh"

namespace osb::registry {
namespace {

constexpr std::string_view kGzipMagic = "\x1F\x8B";
// Enough for the header of a gzip file and the first bytes of its content.
constexpr std::size_t kHead = 4096;
// An encoding that is larger than this beyond twice its content was made to be so.
constexpr std::uint64_t kFreeEncoding = 1024UL * 1024;

bool is_identity(std::string_view coding) {
    return coding.empty() || to_lower(coding) == "identity";
}

// True if the content of a gzip file begins like gzip.
bool is_packed_twice(std::string_view head) {
    MemorySource packed(as_bytes(head));
    std::array<std::uint8_t, kGzipMagic.size()> begin{};
    try {
        const std::unique_ptr<Source> plain = oci::gunzip_zlib(packed);
        return read_full(*plain, begin) == begin.size() && as_text(begin) == kGzipMagic;
    } catch (const Error& error) {
        if (error.kind() != ErrorKind::invalid) throw;
        return false;
    }
}

// Decides at the first read, because that may fail as each read of a body may.
class EncodedBody final : public Source {
  public:
    EncodedBody(HttpResponse& response, const oci::Descriptor& blob)
        : length_(response.number("content-length")),
          blob_size_(blob.size),
          is_gzip_file_(oci::media_type_essence(blob.media_type).ends_with("gzip")),
          packed_(std::move(response.body), blob.size) {}

    std::size_t read(MutableBytes buffer) override {
        if (!is_decided_) decide();
        return plain_ ? plain_->read(buffer) : packed_.read(buffer);
    }

  private:
    // The first bytes of the body, then the rest. Empty members of gzip could go on forever.
    struct Packed final : Source {
        Packed(std::unique_ptr<Source> body, std::uint64_t blob_size) noexcept
            : rest(std::move(body)),
              limit(saturating_add(saturating_add(blob_size, blob_size), kFreeEncoding)) {}
        std::size_t read(MutableBytes buffer) override {
            if (left.empty()) return read_rest(buffer);
            const std::size_t n = std::min(buffer.size(), left.size());
            std::memcpy(buffer.data(), left.data(), n);
            left = left.subspan(n);
            return n;
        }
        std::size_t read_rest(MutableBytes buffer) {
            const std::size_t n = rest->read(buffer);
            count += n;
            if (count > limit)
                throw Error(ErrorKind::too_large,
                            concat("its content encoding has more than ", limit, " bytes"));
            return n;
        }

        std::unique_ptr<Source> rest;
        std::uint64_t limit;
        std::uint64_t count = 0;
        std::array<std::uint8_t, kHead> head{};
        ByteView left;
    };

    void decide() {
        packed_.count = read_full(*packed_.rest, packed_.head);
        packed_.left = ByteView(packed_.head).first(static_cast<std::size_t>(packed_.count));
        is_decided_ = true;
        if (is_encoded(as_text(packed_.left))) plain_ = oci::decompress(packed_, oci::Compression::gzip);
    }

    bool is_encoded(std::string_view head) const {
        if (!head.starts_with(kGzipMagic)) return false;
        if (length_) return *length_ != blob_size_;
        return !is_gzip_file_ || is_packed_twice(head);
    }

    std::optional<std::uint64_t> length_;
    std::uint64_t blob_size_;
    bool is_gzip_file_;
    Packed packed_;
    std::unique_ptr<Source> plain_;  // null if the body is the blob
    bool is_decided_ = false;
};

}  // namespace

bool has_content_coding(const HttpResponse& response) {
    const auto coding = response.header("content-encoding");
    return coding && !is_identity(trim(*coding));
}

std::string decoded_document(const HttpResponse& response, std::string body, std::size_t limit,
                             std::string_view what) {
    if (!has_content_coding(response) || !body.starts_with(kGzipMagic)) return body;
    MemorySource packed(as_bytes(body));
    return read_all(*oci::decompress(packed, oci::Compression::gzip), limit, what);
}

std::unique_ptr<Source> take_blob_body(HttpResponse& response, const oci::Descriptor& blob) {
    if (!has_content_coding(response)) return std::move(response.body);
    return std::make_unique<EncodedBody>(response, blob);
}

}  // namespace osb::registry

#include "registry/distribution/blob_download.hh"

#include <algorithm>
#include <array>
#include <utility>

#include "base/escape.hh"
#include "registry/distribution/content_coding.hh"
#include "registry/http/content_range.hh"

namespace osb::registry {
namespace {

// The number of tries is reset after this progress, in bytes.
constexpr std::uint64_t kProgress = 1024UL * 1024;

class BlobDownload final : public Source {
  public:
    // Reads the bytes [offset, end) of the blob.
    BlobDownload(std::shared_ptr<const DistributionClient> client, const oci::Descriptor& descriptor,
                 std::uint64_t offset, std::uint64_t end)
        : client_(std::move(client)),
          blob_(descriptor),
          size_(descriptor.size),
          end_(end),
          offset_(offset),
          counted_from_(offset),
          retry_(client_->session().retry_policy(), client_->session().retry_hooks()) {
        open(true);
    }

    std::size_t read(MutableBytes buffer) override {
        buffer =
            buffer.first(static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end_ - offset_)));
        if (buffer.empty()) {
            check_end();
            return 0;
        }
        return retry_.run([&]() -> std::optional<std::size_t> {
            try {
                return read_some(buffer);
            } catch (const NetworkError&) {
                body_.reset();
                throw;
            }
        });
    }

  private:
    std::size_t read_some(MutableBytes buffer) {
        if (!body_) open(false);
        const std::size_t n = read_body(buffer);
        offset_ += n;
        if (n > 0 && offset_ == end_) check_end();
        if (offset_ >= counted_from_ + kProgress) {
            counted_from_ = offset_;
            retry_.progress();
        }
        if (n == 0) refuse(concat("the connection ended after ", offset_, " of ", end_, " bytes"));
        return n;
    }

    // Another try may get an encoding that is not damaged, or none.
    std::size_t read_body(MutableBytes buffer) {
        try {
            return body_->read(buffer);
        } catch (const Error& error) {
            if (error.kind() != ErrorKind::invalid) throw;
            refuse(concat("its content encoding: ", error.message()));
        }
    }

    std::string what() const {
        return concat("blob ", blob_.digest.to_string(), " of ", quoted(client_->name()));
    }

    // Throws a transient error, so that the caller retries.
    [[noreturn]] void refuse(std::string_view problem,
                             std::optional<std::chrono::milliseconds> asked = std::nullopt) const {
        throw NetworkError(ErrorKind::unavailable, concat(what(), ": ", problem), true, true, asked);
    }

    // Fails if the registry sends more bytes than agreed.
    void check_end() {
        // More bytes are correct if the registry sent the whole blob instead of a range.
        if (!body_ || body_end_ != end_) return body_.reset();
        std::array<std::uint8_t, 1> more{};
        std::size_t n = 0;
        try {
            n = read_body(more);
        } catch (const NetworkError&) {
            // The blob is complete and its digest decides. Only the end of the response is missing.
        }
        body_.reset();
        if (n > 0) mismatch("the registry sends more");
    }

    // Skipping to a range inside a whole blob costs more than the range is meant to save.
    [[noreturn]] void refuse_range(std::string_view answer) const {
        throw Error(ErrorKind::unsupported,
                    concat(what(), ": the registry answers a request for a part with ", answer))
            .code("no_ranges");
    }

    // After the first request, only read() counts the tries.
    void open(bool first) {
        RegistryRequest request{.url = client_->url("blobs/" + blob_.digest.to_string()),
                                .scopes = client_->scopes(),
                                .retry = first,
                                .reuse_redirect = true,
                                .is_small = end_ - offset_ <= HttpRequest::kMaxSmall};
        // The body of that location broke off; the registry may name a better one.
        if (!first) client_->session().forget_redirect(request.url);
        const std::string last = end_ < size_ ? concat(end_ - 1) : std::string();
        const bool is_range = (offset_ > 0 || end_ < size_) && !whole_only_;
        if (is_range) request.headers.emplace_back("Range", concat("bytes=", offset_, '-', last));
        HttpResponse response = client_->session().send(request);
        const bool no_range = response.status == 200 || response.status == 416 || response.status == 501;
        if (first && is_range && no_range) refuse_range(concat("HTTP ", response.status));
        body_end_ = response.status == 206 ? end_ : size_;
        if (response.status == 206 && is_range) {
            check_range(response, first);
            body_ = std::move(response.body);
        } else if (response.status == 200) {
            take_whole(response);
        } else if (response.status == 416 && is_range) {
            mismatch(concat("the registry has no more than ", offset_, " bytes"));
        } else if (!first && is_transient_status(response.status)) {
            const std::string said = client_->session().described(response);
            refuse(concat("HTTP ", response.status, said.empty() ? "" : ": ", said), asked_wait(response));
        } else {
            client_->session().fail(response, what());
        }
    }

    void take_whole(HttpResponse& response) {
        if (has_content_coding(response)) {
            whole_only_ = true;  // a range may be one of the encoded bytes
        } else {
            check_length(response, size_);
        }
        body_ = take_blob_body(response, blob_);
        pass_over();
    }

    [[noreturn]] void mismatch(const std::string& got) const {
        throw Error(ErrorKind::digest_mismatch, concat(what(), ": expected ", size_, " bytes, ", got));
    }

    void check_length(const HttpResponse& response, std::uint64_t expected) const {
        const auto length = response.number("content-length");
        if (length && *length != expected)
            mismatch(concat("the registry sends ", *length, " instead of ", expected));
    }

    // Accepts only the requested range, because other bytes would corrupt the blob.
    void check_range(const HttpResponse& response, bool first) {
        const auto text = response.header("content-range");
        const auto named = text ? parse_content_range(*text) : std::nullopt;
        const ContentRange range = named.value_or(ContentRange{});
        const bool is_asked = named && range.first == offset_ && range.last + 1 == end_;
        const bool is_whole = offset_ == 0 && end_ == size_;
        if (first && !is_whole && !is_asked) refuse_range("another part");
        if (has_content_coding(response) && !has_blob_bytes(response, range)) {
            if (first) refuse_range("an encoded part");
            whole_only_ = true;
            refuse("the registry answers with an encoded range");
        }
        if (!named) refuse("the registry answers with a range that it does not name");
        if (!is_asked || range.total.value_or(size_) != size_) {
            refuse(concat("asked for the bytes ", offset_, '-', end_ - 1, ", the registry sends ",
                          quoted(client_->session().redacted(std::string(*text)))));
        }
        check_length(response, end_ - offset_);
    }

    // False if the range may be one of encoded bytes. Some servers say gzip of a blob that is a gzip file
    // itself.
    bool has_blob_bytes(const HttpResponse& response, const ContentRange& range) const {
        return range.total == size_ && response.number("content-length") == end_ - offset_;
    }

    // Skips the bytes that were read already.
    void pass_over() {
        std::array<std::uint8_t, 16384> buffer{};
        for (std::uint64_t left = offset_; left > 0;) {
            const std::size_t n = read_body(MutableBytes(buffer).first(
                static_cast<std::size_t>(std::min<std::uint64_t>(left, buffer.size()))));
            if (n == 0) mismatch("the registry sends fewer than before");
            left -= n;
        }
    }

    std::shared_ptr<const DistributionClient> client_;
    oci::Descriptor blob_;
    std::uint64_t size_;
    std::uint64_t end_;
    std::uint64_t offset_;
    std::uint64_t body_end_ = 0;  // the end of the response's body in the blob
    std::uint64_t counted_from_;
    bool whole_only_ = false;  // the registry encodes the blob
    Retry retry_;
    std::unique_ptr<Source> body_;
};

}  // namespace

std::unique_ptr<Source> open_blob_download(std::shared_ptr<const DistributionClient> client,
                                           const oci::Descriptor& descriptor) {
    return std::make_unique<BlobDownload>(std::move(client), descriptor, 0, descriptor.size);
}

std::unique_ptr<Source> open_range_download(std::shared_ptr<const DistributionClient> client,
                                            const oci::Descriptor& descriptor, std::uint64_t offset,
                                            std::uint64_t length) {
    return std::make_unique<BlobDownload>(std::move(client), descriptor, offset, offset + length);
}

}  // namespace osb::registry

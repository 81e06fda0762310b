#include "registry/distribution/blob_upload.hh"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/escape.hh"
#include "base/hash.hh"
#include "base/log.hh"
#include "registry/http/content_range.hh"
#include "registry/http/spool.hh"

namespace osb::registry {
namespace {

// The maximum number of chunks without progress at the registry, in a whole upload.
constexpr unsigned kMaxIdleChunks = 32;
constexpr std::chrono::seconds kUploadCancelTime{5};
constexpr std::chrono::minutes kSmallTime{5};

// The number of bytes that the registry reports, if it does.
std::optional<std::uint64_t> received_bytes(const HttpResponse& response) {
    const auto text = response.header("range");
    return text ? parse_upload_range(*text) : std::nullopt;
}

// True if the registry rejects this kind of request, not only this one: 4xx, and some 5xx.
bool is_refusal(int status) noexcept {
    return (status >= 400 && status < 500 && status != 401) || status == 501 || status == 505;
}

class ChunkedUpload final : public oci::BlobUpload {
  public:
    ChunkedUpload(std::shared_ptr<const DistributionClient> client, std::optional<std::uint64_t> size,
                  std::shared_ptr<UploadManners> manners)
        : client_(std::move(client)),
          manners_(std::move(manners)),
          chunk_size_(manners_->chunk_size()),
          least_(manners_->least_chunk()),
          retry_(client_->session().retry_policy(), client_->session().retry_hooks()) {
        const std::uint64_t expected = std::min<std::uint64_t>(size.value_or(0), chunk_size_);
        buffer_.reserve(static_cast<std::size_t>(expected));
    }
    ChunkedUpload(const ChunkedUpload&) = delete;
    ChunkedUpload& operator=(const ChunkedUpload&) = delete;
    ~ChunkedUpload() override { cancel(); }

    void write(ByteView bytes) override {
        hasher_.update(bytes);
        while (!bytes.empty()) {
            if (!spool_ && buffer_.size() >= chunk_size_) {
                if (sent_ == 0 && manners_->in_one()) {
                    collect();
                } else {
                    send_buffer();
                }
            }
            if (spool_) {
                spool_->write(bytes);
                return;
            }
            const std::size_t count = std::min(bytes.size(), chunk_size_ - buffer_.size());
            buffer_.insert(buffer_.end(), bytes.begin(), bytes.begin() + static_cast<std::ptrdiff_t>(count));
            bytes = bytes.subspan(count);
        }
    }

    void finish(const oci::Digest& digest) override {
        // The registry checks other algorithms than SHA-256.
        if (digest.algorithm() == HashAlgorithm::sha256) {
            const std::string got = hasher_.finish_hex();
            if (got != digest.hex()) {
                throw Error(ErrorKind::digest_mismatch,
                            concat("blob written: expected ", digest.to_string(), ", got sha256:", got));
            }
        }
        algorithm_ = digest.algorithm_name();
        // Nothing was sent yet, so the upload may be unnecessary.
        if (!location_ && is_stored(digest)) return;
        // Send the last chunk separately after others, because not every registry accepts it in the PUT.
        if (sent_ > 0 && !buffer_.empty()) send_buffer();
        put(digest);
        location_.reset();
    }

  private:
    std::string what() const { return concat("upload to ", quoted(client_->name())); }

    [[noreturn]] void lose(const std::string& reason) {
        location_.reset();
        throw oci::UploadLost(concat(what(), ": the registry lost the bytes that it had received",
                                     reason.empty() ? "" : ": ", reason));
    }

    // "HTTP 413: the registry's message".
    std::string described(HttpResponse& response) const {
        const std::string said = client_->session().described(response);
        return concat("HTTP ", response.status, said.empty() ? "" : ": ", said);
    }

    HttpResponse send(RegistryRequest request) const {
        request.scopes = client_->scopes();
        return client_->session().send(request);
    }

    void take_location(const HttpResponse& response, const Url& asked) {
        const auto text = response.header("location");
        if (!text) return;  // the location does not change
        const std::optional<Url> next = asked.resolve(*text);
        if (!next || (asked.scheme == "https" && next->scheme != "https")) {
            const std::string shown = client_->session().redacted(std::string(*text));
            Error error(
                ErrorKind::unavailable,
                concat(what(), ": the registry names a location that is not allowed: ", quoted(shown)));
            if (next)
                error.hint("a proxy in front of the registry ends TLS without setting X-Forwarded-Proto");
            throw Error(error);
        }
        location_ = next;
    }

    void start() {
        RegistryRequest request{.method = "POST",
                                .url = client_->url("blobs/uploads/"),
                                .body = ByteView(),
                                .total_time = kSmallTime};
        if (algorithm_ == "sha512") request.url.add_query("digest-algorithm", algorithm_);
        HttpResponse response = send(request);
        if (response.status != 202) client_->session().fail(response, what());
        if (!response.header("location")) {
            throw Error(ErrorKind::unavailable, concat(what(), ": the registry does not name a location"));
        }
        take_location(response, request.url);
        if (const auto least = response.number("oci-chunk-min-length")) {
            if (*least > kMaxChunk) {
                throw Error(ErrorKind::unsupported, concat(what(), ": the registry requires chunks of ",
                                                           *least, " bytes; the limit is ", kMaxChunk));
            }
            least_ = std::max(least_, static_cast<std::size_t>(*least));
            chunk_size_ = std::max(chunk_size_, static_cast<std::size_t>(*least));
        }
        discard_body(response);
    }

    // Sends the whole buffer, which starts at sent_ in the blob. If the registry does not support chunks,
    // collects the buffer instead.
    void send_buffer() {
        if (!location_) {
            start();
            if (buffer_.size() < chunk_size_) return;  // the registry requires larger chunks
        }
        for (std::size_t done = 0; done < buffer_.size();) {
            const std::size_t now = send_chunk(done);
            if (spool_) return;
            if (now <= done && ++idle_ > kMaxIdleChunks) {
                throw Error(ErrorKind::unavailable, concat(what(), ": the registry accepts no more bytes"));
            }
            done = now;
        }
        sent_ += buffer_.size();
        buffer_.clear();
        retry_.progress();
    }

    // Sends a chunk of the buffer from `done` on. Returns the registry's new position in the buffer.
    std::size_t send_chunk(std::size_t done) {
        const ByteView chunk = ByteView(buffer_).subspan(done, std::min(chunk_size_, buffer_.size() - done));
        const std::uint64_t first = sent_ + done;
        const Url asked = *location_;
        try {
            HttpResponse response =
                send({.method = "PATCH",
                      .url = asked,
                      .headers = {{"Content-Type", "application/octet-stream"},
                                  {"Content-Range", concat(first, '-', first + chunk.size() - 1)}},
                      .body = chunk,
                      .retry = false});
            if (response.status >= 200 && response.status <= 204) {
                take_location(response, asked);
                // The registry has the chunk, whatever the Range header is: ECR's does not change, and others
                // name only the chunk or one byte too many. Such a registry's position is unreliable after a
                // break, too.
                if (response.header("range") && received_bytes(response) != first + chunk.size())
                    tells_position_ = false;
                discard_body(response);
                return done + chunk.size();
            }
            if (!is_transient_status(response.status)) return answer_refusal(response, done, chunk.size());
            const auto wait = asked_wait(response);
            const std::string reason = described(response);
            if (!retry_.again(wait)) throw Error(ErrorKind::unavailable, concat(what(), ": ", reason));
        } catch (const NetworkError& error) {
            if (!error.transient() || !retry_.again()) throw;
        }
        return go_on_after_break();
    }

    // Handles a rejected chunk. Returns the position in the buffer at which to continue.
    std::size_t answer_refusal(HttpResponse& response, std::size_t done, std::size_t chunk) {
        const int status = response.status;
        if (!is_refusal(status) || (status == 403 && sent_ > 0)) client_->session().fail(response, what());
        const std::string reason = described(response);
        response.body.reset();
        if (status == 416 && tells_position_) {
            // libcurl may have sent the chunk twice, if the connection died with the first response. Then the
            // upload is already beyond this chunk.
            const std::optional<std::size_t> now = ask_position();
            if (now && *now != done) return *now;
        }
        if ((status == 413 || status == 416) && shrink(chunk)) return done;
        if (status == 404 && !(sent_ == 0 && ++forgotten_ > 1)) {
            if (!retry_.again()) throw Error(ErrorKind::unavailable, concat(what(), ": ", reason));
            return go_on_after_break();
        }
        log_debug(concat(what(), ": the registry refuses chunks, so blobs are sent whole: ", reason));
        manners_->set_in_one();
        if (sent_ > 0) lose(reason);
        collect();
        return 0;
    }

    // Halves the chunk size. Returns false if chunks cannot be smaller than the refused one.
    bool shrink(std::size_t refused) {
        const std::size_t half = (std::min(refused, chunk_size_) + 1) / 2;
        if (half < least_ || half >= refused) return false;
        chunk_size_ = half;
        manners_->shrink(half);
        return true;
    }

    // Collects the blob in a temporary file until it is complete.
    void collect() {
        cancel();
        location_.reset();
        spool_.emplace();
        spool_->write(buffer_);
        buffer_.clear();
    }

    ByteView body() { return spool_ ? spool_->bytes() : ByteView(buffer_); }

    // Asks for the registry's position in the buffer; nullopt if it is unknown or impossible.
    std::optional<std::size_t> ask_position() {
        const Url asked = *location_;
        HttpResponse response = send({.url = asked, .total_time = kSmallTime});
        const bool known = response.status == 204 || response.status == 202 || response.status == 200;
        if (!known) {
            if (!is_refusal(response.status)) client_->session().fail(response, what());
            discard_body(response);
            return std::nullopt;
        }
        take_location(response, asked);
        auto end = received_bytes(response);
        discard_body(response);
        if (!end) return std::nullopt;
        // "0-0" means either one byte or none.
        if (*end == 1 && sent_ == 0 && buffer_.size() != 1) end = 0;
        if (*end < sent_ || *end > sent_ + buffer_.size()) return std::nullopt;
        return static_cast<std::size_t>(*end - sent_);
    }

    std::size_t go_on_after_break() {
        const std::optional<std::size_t> now = tells_position_ ? ask_position() : std::nullopt;
        if (now) return *now;
        if (sent_ > 0) lose("");
        cancel();
        location_.reset();  // nothing is lost, because the buffer still has all bytes
        start();
        return 0;
    }

    // Sends the closing PUT, with the whole blob if nothing was sent before.
    void put(const oci::Digest& digest) {
        for (;;) {
            if (!location_) start();
            RegistryRequest request{.method = "PUT", .url = *location_, .body = body(), .retry = false};
            request.url.add_query("digest", digest.to_string());
            if (!request.body->empty())
                request.headers.emplace_back("Content-Type", "application/octet-stream");
            std::optional<Error> failure;
            std::optional<std::chrono::milliseconds> wait;
            try {
                HttpResponse response = send(request);
                if (response.status == 201 || response.status == 204) {
                    discard_body(response);
                    return;
                }
                if ((response.status == 200 || response.status == 202) && is_stored(digest)) return;
                wait = asked_wait(response);
                failure = check_refusal(response, digest);
            } catch (const NetworkError& error) {
                if (!error.transient()) throw;
                failure.emplace(error);
            }
            if (!failure) continue;
            if (!retry_.again(wait)) throw Error(*failure);
            // The registry may have completed the upload, and only its response was lost.
            if (client_->head_blob(digest)) return;
            // The registry may have a part of the body. A new upload is simpler, because all bytes are
            // available.
            if (sent_ == 0) {
                cancel();
                location_.reset();
            }
        }
    }

    // A size that differs is that of something else: login pages and proxies answer every question with 200.
    bool is_stored(const oci::Digest& digest) {
        const auto size = client_->head_blob(digest);
        return size && (*size == 0 || *size == sent_ + body().size());
    }

    // Returns the error if another try may succeed; nullopt if the blob was sent in chunks instead.
    std::optional<Error> check_refusal(HttpResponse& response, const oci::Digest& digest) {
        const int status = response.status;
        if (status == 413 && send_in_chunks()) return std::nullopt;
        const bool digest_may_differ = status == 400;
        const bool forgotten = status == 404 || status == 416;
        if (!is_transient_status(status) && !forgotten && !digest_may_differ)
            client_->session().fail(response, what());
        const std::string reason = described(response);
        response.body.reset();
        if (digest_may_differ) {
            if (reason.find("DIGEST_INVALID") != std::string::npos) {
                throw Error(ErrorKind::digest_mismatch,
                            concat(what(), ": the registry received other bytes than those of ",
                                   digest.to_string(), ": ", reason));
            }
            throw Error(ErrorKind::unavailable, concat(what(), ": ", reason));
        }
        // The upload is lost, or in an unexpected state because it is finished, or all bytes are still here.
        if (forgotten && sent_ > 0 && !client_->head_blob(digest)) lose(reason);
        return Error(ErrorKind::unavailable, concat(what(), ": ", reason));
    }

    // Sends a blob in several requests if it is too large for one.
    bool send_in_chunks() {
        if (sent_ > 0 || spool_ || manners_->in_one() || !shrink(buffer_.size())) return false;
        cancel();
        location_.reset();
        send_buffer();
        return true;
    }

    void cancel() noexcept {
        if (!location_) return;
        try {
            HttpResponse response = send(
                {.method = "DELETE", .url = *location_, .retry = false, .total_time = kUploadCancelTime});
            discard_body(response);
        } catch (const std::exception& error) {
            // This may run in a destructor during another error. The registry drops the upload in time.
            log_debug(escape(error.what()));
        }
    }

    std::shared_ptr<const DistributionClient> client_;
    std::shared_ptr<UploadManners> manners_;
    std::size_t chunk_size_;
    std::size_t least_;  // minimum bytes of a chunk
    Retry retry_;
    Hasher hasher_;
    std::string algorithm_;
    std::vector<std::uint8_t> buffer_;
    std::optional<Spool> spool_;  // replaces the buffer if the registry does not support chunks
    std::uint64_t sent_ = 0;      // bytes before the buffer, all at the registry
    std::optional<Url> location_;
    bool tells_position_ = true;  // the reported positions were right so far
    unsigned idle_ = 0;           // number of chunks without progress at the registry
    unsigned forgotten_ = 0;      // number of 404 responses to a first chunk
};

}  // namespace

void UploadManners::shrink(std::size_t chunk_size) noexcept {
    std::size_t now = chunk_size_;
    while (chunk_size < now && !chunk_size_.compare_exchange_weak(now, chunk_size)) {
    }
}

std::unique_ptr<oci::BlobUpload> start_blob_upload(std::shared_ptr<const DistributionClient> client,
                                                   std::optional<std::uint64_t> size,
                                                   std::shared_ptr<UploadManners> manners) {
    return std::make_unique<ChunkedUpload>(std::move(client), size, std::move(manners));
}

}  // namespace osb::registry

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

// How often the registry may stand no further after a chunk than before, in a whole upload.
constexpr unsigned kMaxIdleChunks = 32;
constexpr std::chrono::seconds kUploadCancelTime{5};
constexpr std::chrono::minutes kSmallTime{5};

// How many bytes the registry has, as far as it says so.
std::optional<std::uint64_t> received_bytes(const HttpResponse& response) {
    const auto text = response.header("range");
    return text ? parse_upload_range(*text) : std::nullopt;
}

// That it is not this request that is wrong, but its kind: 4xx, and the 5xx that say so.
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
        // The registry checks other algorithms than this one.
        if (digest.algorithm() == HashAlgorithm::sha256) {
            const std::string got = hasher_.finish_hex();
            if (got != digest.hex()) {
                throw Error(ErrorKind::digest_mismatch,
                            concat("blob written: expected ", digest.to_string(), ", got sha256:", got));
            }
        }
        algorithm_ = digest.algorithm_name();
        // Nothing was sent yet: it may be spared altogether.
        if (!location_ && client_->head_blob(digest)) return;
        // The last chunk by itself where others went before: not every registry takes it with the PUT.
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

    // "HTTP 413: what the registry says".
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
        if (!text) return;  // then it stays
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

    // Sends the whole buffer, which is the part of the blob from sent_ on; or collects it, where the registry
    // takes no chunks.
    void send_buffer() {
        if (!location_) {
            start();
            if (buffer_.size() < chunk_size_) return;  // the registry wants more at a time
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

    // Sends a chunk of the buffer from `done` on; returns how far the registry has it now.
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
            if (response.status == 202 || response.status == 201 || response.status == 204) {
                take_location(response, asked);
                // It has taken the chunk, whatever it says of it: ECR's Range stands still, others name the
                // chunk alone or one byte too many. But what they say after a break is worth as little.
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

    // Returns where to go on in the buffer.
    std::size_t answer_refusal(HttpResponse& response, std::size_t done, std::size_t chunk) {
        const int status = response.status;
        if (!is_refusal(status) || (status == 403 && sent_ > 0)) client_->session().fail(response, what());
        const std::string reason = described(response);
        response.body.reset();
        if (status == 416 && tells_position_) {
            // libcurl may have sent it twice, on a connection that died with the first answer: then the
            // upload is past this chunk.
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

    // False when chunks cannot be smaller than one of this size.
    bool shrink(std::size_t refused) {
        const std::size_t half = (std::min(refused, chunk_size_) + 1) / 2;
        if (half < least_ || half >= refused) return false;
        chunk_size_ = half;
        manners_->shrink(half);
        return true;
    }

    // From now on the blob is kept here until it is complete.
    void collect() {
        cancel();
        location_.reset();
        spool_.emplace();
        spool_->write(buffer_);
        buffer_.clear();
    }

    ByteView body() { return spool_ ? spool_->bytes() : ByteView(buffer_); }

    // Where the registry stands in the buffer; nothing when it does not say, or what cannot be.
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
        // It says "0-0" for one byte and for none.
        if (*end == 1 && sent_ == 0 && buffer_.size() != 1) end = 0;
        if (*end < sent_ || *end > sent_ + buffer_.size()) return std::nullopt;
        return static_cast<std::size_t>(*end - sent_);
    }

    std::size_t go_on_after_break() {
        const std::optional<std::size_t> now = tells_position_ ? ask_position() : std::nullopt;
        if (now) return *now;
        if (sent_ > 0) lose("");
        cancel();
        location_.reset();  // nothing is lost yet: all there was is still in the buffer
        start();
        return 0;
    }

    // The closing PUT, with the whole blob where nothing was sent before.
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
                wait = asked_wait(response);
                failure = check_refusal(response, digest);
            } catch (const NetworkError& error) {
                if (!error.transient()) throw;
                failure.emplace(error);
            }
            if (!failure) continue;
            if (!retry_.again(wait)) throw Error(*failure);
            // The registry may have done it, and only its answer was lost.
            if (client_->head_blob(digest)) return;
            // A part of the body may be there already: with the whole in hand a new upload is the plain way.
            if (sent_ == 0) {
                cancel();
                location_.reset();
            }
        }
    }

    // The error where another try may help; nothing where all of it has gone in chunks meanwhile.
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
        // Forgotten, or in another state than we think: because it is finished, or all of it is still here.
        if (forgotten && sent_ > 0 && !client_->head_blob(digest)) lose(reason);
        return Error(ErrorKind::unavailable, concat(what(), ": ", reason));
    }

    // A blob that is too large for one request may do in several.
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
            // In a destructor, with another error on its way; the registry forgets the upload by itself.
            log_debug(escape(error.what()));
        }
    }

    std::shared_ptr<const DistributionClient> client_;
    std::shared_ptr<UploadManners> manners_;
    std::size_t chunk_size_;
    std::size_t least_;  // bytes of a chunk
    Retry retry_;
    Hasher hasher_;
    std::string algorithm_;
    std::vector<std::uint8_t> buffer_;
    std::optional<Spool> spool_;  // in place of the buffer, where the registry takes no chunks
    std::uint64_t sent_ = 0;      // bytes before the buffer, which the registry has
    std::optional<Url> location_;
    bool tells_position_ = true;  // what it says of where it stands was right so far
    unsigned idle_ = 0;           // times that the registry had no more bytes after a chunk than before
    unsigned forgotten_ = 0;      // times that a first chunk was answered with 404
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

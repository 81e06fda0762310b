#include "registry/blob_upload.hh"

#include <algorithm>
#include <utility>
#include <vector>

#include "base/escape.hh"
#include "base/hash.hh"
#include "base/log.hh"
#include "registry/content_range.hh"

namespace osb::registry {
namespace {

constexpr unsigned kMaxIdle = 32;
constexpr std::chrono::seconds kCancelTime{5};
constexpr std::chrono::minutes kSmallTime{5};

// How many bytes the registry has, as far as it says so.
std::optional<std::uint64_t> received_bytes(const HttpResponse& response) {
    const auto text = response.header("range");
    return text ? parse_upload_range(*text) : std::nullopt;
}

class ChunkedUpload final : public oci::BlobUpload {
  public:
    ChunkedUpload(std::shared_ptr<const DistributionClient> client, std::optional<std::uint64_t> size,
                  std::size_t chunk_size)
        : client_(std::move(client)),
          chunk_size_(chunk_size),
          retry_(client_->session().retry_policy(), client_->session().retry_hooks()) {
        const std::uint64_t expected = std::min<std::uint64_t>(size.value_or(0), chunk_size);
        buffer_.reserve(static_cast<std::size_t>(expected));
    }
    ChunkedUpload(const ChunkedUpload&) = delete;
    ChunkedUpload& operator=(const ChunkedUpload&) = delete;
    ~ChunkedUpload() override { cancel(); }

    void write(ByteView bytes) override {
        hasher_.update(bytes);
        while (!bytes.empty()) {
            if (buffer_.size() >= chunk_size_) send_buffer();
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
                            concat("the blob was to be ", digest.to_string(), ", but is sha256:", got));
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

    [[noreturn]] void lose() {
        location_.reset();
        throw oci::UploadLost(concat(what(), ": the registry forgot what it had got"));
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
            throw Error(ErrorKind::unavailable,
                        concat(what(), ": the registry names a location that is refused: ", quoted(*text)));
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
        if (response.status != 202 || !response.header("location")) client_->session().fail(response, what());
        take_location(response, request.url);
        if (const auto least = response.number("oci-chunk-min-length")) {
            if (*least > kMaxChunk) {
                throw Error(ErrorKind::unsupported, concat(what(), ": the registry wants chunks of ", *least,
                                                           " bytes, at most ", kMaxChunk, " can be had"));
            }
            chunk_size_ = std::max(chunk_size_, static_cast<std::size_t>(*least));
        }
        discard_body(response);
    }

    // Sends the whole buffer, which is the part of the blob from sent_ on.
    void send_buffer() {
        if (!location_) {
            start();
            if (buffer_.size() < chunk_size_) return;  // the registry wants more at a time
        }
        std::size_t done = 0;
        while (done < buffer_.size()) {
            const std::size_t now = send_rest(done);
            if (now <= done && ++idle_ > kMaxIdle) {
                throw Error(ErrorKind::unavailable, concat(what(), ": the registry takes no more bytes"));
            }
            done = now;
        }
        sent_ += buffer_.size();
        buffer_.clear();
        retry_.progress();
    }

    // Sends the buffer from `done` on; returns how far the registry has it now.
    std::size_t send_rest(std::size_t done) {
        const ByteView rest = ByteView(buffer_).subspan(done);
        const std::uint64_t first = sent_ + done;
        const Url asked = *location_;
        std::optional<std::chrono::milliseconds> wait;
        try {
            HttpResponse response =
                send({.method = "PATCH",
                      .url = asked,
                      .headers = {{"Content-Type", "application/octet-stream"},
                                  {"Content-Range", concat(first, '-', first + rest.size() - 1)}},
                      .body = rest,
                      .retry = false});
            if (response.status == 202 || response.status == 201 || response.status == 204) {
                take_location(response, asked);
                const std::uint64_t end = received_bytes(response).value_or(first + rest.size());
                discard_body(response);
                return position(end, end == 1);
            }
            // libcurl may have sent it twice, on a connection that died with the first answer: then the
            // upload is past this chunk.
            const bool elsewhere = response.status == 404 || response.status == 416;
            if (!elsewhere && !is_transient_status(response.status))
                client_->session().fail(response, what());
            wait = asked_wait(response);
            const std::string problem = concat(what(), ": HTTP ", response.status);
            discard_body(response);
            if (!retry_.again(wait)) throw Error(ErrorKind::unavailable, problem);
        } catch (const NetworkError& error) {
            if (!error.transient() || !retry_.again()) throw;
        }
        return ask_position();
    }

    // Where the registry stands in the buffer. It says "0-0" for one byte and for none (`ambiguous`).
    std::size_t position(std::uint64_t end, bool ambiguous) {
        if (ambiguous && sent_ == 0 && !(buffer_.size() == 1)) end = 0;
        if (end < sent_ || end > sent_ + buffer_.size()) {
            throw Error(ErrorKind::unavailable, concat(what(), ": the registry says that it has ", end,
                                                       " bytes, the last chunk begins at ", sent_));
        }
        return static_cast<std::size_t>(end - sent_);
    }

    std::size_t ask_position() {
        const Url asked = *location_;
        HttpResponse response = send({.url = asked, .total_time = kSmallTime});
        const bool known = response.status == 204 || response.status == 202 || response.status == 200;
        if (known) {
            take_location(response, asked);
            const auto end = received_bytes(response);
            discard_body(response);
            return position(end.value_or(0), !end || *end == 1);
        }
        const bool forgotten = response.status == 400 || response.status == 404 || response.status == 416;
        if (!forgotten) client_->session().fail(response, what());
        discard_body(response);
        if (sent_ > 0) lose();
        location_.reset();  // nothing is lost yet: all there was is still in the buffer
        start();
        return 0;
    }

    // The closing PUT, with the whole blob where nothing was sent before.
    void put(const oci::Digest& digest) {
        for (;;) {
            if (!location_) start();
            RegistryRequest request{
                .method = "PUT", .url = *location_, .body = ByteView(buffer_), .retry = false};
            request.url.add_query("digest", digest.to_string());
            if (!buffer_.empty()) request.headers.emplace_back("Content-Type", "application/octet-stream");
            std::optional<Error> failure;
            std::optional<std::chrono::milliseconds> wait;
            try {
                HttpResponse response = send(request);
                if (response.status == 201 || response.status == 204) {
                    discard_body(response);
                    return;
                }
                check_refusal(response, digest);
                wait = asked_wait(response);
                failure.emplace(ErrorKind::unavailable, concat(what(), ": HTTP ", response.status));
                discard_body(response);
            } catch (const NetworkError& error) {
                if (!error.transient()) throw;
                failure.emplace(error);
            }
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

    void check_refusal(HttpResponse& response, const oci::Digest& digest) {
        if (is_transient_status(response.status)) return;
        // Forgotten, or in another state than we think: because it is finished, or all of it is still here.
        if (response.status == 404 || response.status == 416) {
            if (sent_ == 0 || client_->head_blob(digest)) return;
            lose();
        }
        if (response.status == 400) {
            const std::string said = client_->session().described(response);
            if (said.find("DIGEST_INVALID") != std::string::npos) {
                throw Error(ErrorKind::digest_mismatch,
                            concat(what(), ": the registry got other bytes than those of ",
                                   digest.to_string(), ": ", said));
            }
            throw Error(ErrorKind::unavailable, concat(what(), ": HTTP 400: ", said));
        }
        client_->session().fail(response, what());
    }

    void cancel() noexcept {
        if (!location_) return;
        try {
            HttpResponse response =
                send({.method = "DELETE", .url = *location_, .retry = false, .total_time = kCancelTime});
            discard_body(response);
        } catch (const std::exception& error) {
            // In a destructor, with another error on its way; the registry forgets the upload by itself.
            log_debug(escape(error.what()));
        }
    }

    std::shared_ptr<const DistributionClient> client_;
    std::size_t chunk_size_;
    Retry retry_;
    Hasher hasher_;
    std::string algorithm_;
    std::vector<std::uint8_t> buffer_;
    std::uint64_t sent_ = 0;  // bytes before the buffer, which the registry has
    std::optional<Url> location_;
    unsigned idle_ = 0;  // times that the registry had no more bytes after a chunk than before
};

}  // namespace

std::unique_ptr<oci::BlobUpload> start_blob_upload(std::shared_ptr<const DistributionClient> client,
                                                   std::optional<std::uint64_t> size,
                                                   std::size_t chunk_size) {
    return std::make_unique<ChunkedUpload>(std::move(client), size, chunk_size);
}

}  // namespace osb::registry

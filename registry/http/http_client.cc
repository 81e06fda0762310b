#include "registry/http/http_client.hh"

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>

#include "base/escape.hh"
#include "base/interrupt.hh"
#include "registry/http/connection_pool.hh"
#include "registry/http/curl.hh"
#include "registry/http/request_options.hh"

namespace osb::registry {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

constexpr long kReceiveBuffer = 256L * 1024;
constexpr long kUploadBuffer = 512L * 1024;
constexpr milliseconds kPoll{100};  // the maximum delay of an interruption
// The bytes of a response over a shared connection that may wait for their reader. The client asks for no
// more than HttpRequest::kMaxSmall; a server that sends more has to wait, and with it the others on the
// connection.
constexpr std::size_t kMaxWaiting = 2 * HttpRequest::kMaxSmall;

// A request in progress, and then the source of its body.
class Transfer final : public Source {
  public:
    Transfer(std::shared_ptr<HttpClient::Pool> pool, const HttpRequest& request)
        : pool_(std::move(pool)),
          name_(concat(request.method, ' ', quoted(request.url.redacted()))),
          head_(pool_->limits.head),
          proxy_(request.unix_socket.empty() ? pool_->proxies.find(request.url) : nullptr),
          origin_(concat(request.unix_socket, request.url.scheme, "://", request.url.host_port())) {
        take_connection(request);
        try {
            prepare(request);
        } catch (...) {
            // A partly configured handle must not be reused. This also rethrows an interruption.
            broken_ = true;
            release();
            throw;
        }
    }
    Transfer(const Transfer&) = delete;
    Transfer& operator=(const Transfer&) = delete;
    ~Transfer() override { release(); }

    // Drives the transfer until the headers of the final response are complete.
    void wait_for_headers() {
        const milliseconds patience = has_body_
                                          ? std::max(pool_->limits.answer_time, pool_->limits.low_speed_time)
                                          : pool_->limits.low_speed_time;
        while (!look().has_head && !done_) drive(patience);
        if (!look().has_head) fail("the server closed the connection without an answer");
        note_version();
    }

    // Takes the status and the headers; call it once.
    HttpResponse take_response() {
        const auto guard = lock();
        return {.status = head_.status(), .headers = std::move(head_.headers()), .body = nullptr};
    }

    std::size_t read(MutableBytes buffer) override {
        if (shared_ != nullptr) return read_shared(buffer);
        if (const std::size_t kept = take_pending(buffer); kept > 0) return kept;
        if (failure_) std::rethrow_exception(failure_);
        if (done_) {
            release();
            return 0;
        }
        target_ = buffer;
        try {
            if (std::exchange(paused_, false)) {
                check_transfer(curl_easy_pause(connection_.easy.get(), CURLPAUSE_CONT));
            }
            // Bytes that do not fit are kept, so there is something to return after any bytes arrive.
            while (target_.size() == buffer.size() && !done_) drive(pool_->limits.low_speed_time);
        } catch (const Error&) {
            failure_ = std::current_exception();  // thrown after the bytes before it were read
            if (target_.size() == buffer.size()) throw;
        }
        const std::size_t count = buffer.size() - target_.size();
        target_ = {};
        if (count == 0) release();
        return count;
    }

  private:
    // What callbacks have seen, perhaps in another thread.
    struct Seen {
        std::uint64_t received = 0;
        bool has_head = false;
    };
    // The lock for what callbacks write in other threads, if they do.
    std::unique_lock<std::mutex> lock() {
        return shared_ != nullptr ? std::unique_lock(shared_->mutex()) : std::unique_lock<std::mutex>();
    }

    Seen look() {
        const auto guard = lock();
        return {.received = received_, .has_head = head_.complete()};
    }

    void take_connection(const HttpRequest& request) {
        const bool may_share =
            request.is_small && !request.body && request.unix_socket.empty() && request.url.scheme == "https";
        if (!may_share || !pool_->enter_shared(origin_)) {
            connection_ = pool_->take(origin_);
            return;
        }
        connection_ = {Easy(curl_easy_init()), Multi(), origin_};
        if (!connection_.easy) {
            pool_->leave_shared();
            throw std::bad_alloc();
        }
        shared_ = &pool_->shared;
    }

    // Calls use(multi handle) when no other thread uses it.
    template<typename Use>
    void with_multi(const Use& use) {
        if (shared_ != nullptr) return shared_->exclusively(use);
        use(connection_.multi.get());
    }

    void note_version() {
        if (!url_.starts_with("https:") || !connection_.easy) return;
        long version = 0;
        with_multi([&](CURLM* /*multi*/) {
            check(curl_easy_getinfo(connection_.easy.get(), CURLINFO_HTTP_VERSION, &version));
        });
        pool_->note_version(origin_, version);
    }

    // Moves waiting bytes to the buffer. Returns their number.
    std::size_t take_pending(MutableBytes buffer) {
        const std::size_t kept = std::min(buffer.size(), pending_.size() - pending_read_);
        if (kept > 0) std::memcpy(buffer.data(), pending_.data() + pending_read_, kept);
        pending_read_ += kept;
        if (pending_read_ < pending_.size()) return kept;
        pending_.clear();
        pending_read_ = 0;
        return kept;
    }

    std::size_t read_shared(MutableBytes buffer) {
        for (;;) {
            std::size_t kept = 0;
            bool must_continue = false;
            {
                const auto guard = lock();
                kept = take_pending(buffer);
                must_continue = pending_.empty() && std::exchange(paused_, false);
            }
            if (must_continue && added_) {
                with_multi(
                    [this](CURLM* /*multi*/) { curl_easy_pause(connection_.easy.get(), CURLPAUSE_CONT); });
            }
            if (kept > 0) return kept;
            if (failure_) std::rethrow_exception(failure_);
            if (done_) {
                // The transfer may have ended after the bytes were looked for.
                if (look_for_rest()) continue;
                release();
                return 0;
            }
            try {
                drive(pool_->limits.low_speed_time);
            } catch (const Error&) {
                failure_ = std::current_exception();  // thrown after the bytes before it were read
            }
        }
    }

    bool look_for_rest() {
        const auto guard = lock();
        return !pending_.empty();
    }

    void prepare(const HttpRequest& request) {
        CURL* easy = connection_.easy.get();
        curl_easy_reset(easy);
        url_ = request.url.to_string();
        set(easy, CURLOPT_URL, url_.c_str());
        set(easy, CURLOPT_PROTOCOLS_STR, "http,https");
        set(easy, CURLOPT_FOLLOWLOCATION, 0L);
        set(easy, CURLOPT_NOSIGNAL, 1L);
        set(easy, CURLOPT_HTTP_VERSION, static_cast<long>(CURL_HTTP_VERSION_2TLS));
        set(easy, CURLOPT_SSLVERSION, static_cast<long>(CURL_SSLVERSION_TLSv1_2));
        set(easy, CURLOPT_CONNECTTIMEOUT_MS, static_cast<long>(pool_->limits.connect_timeout.count()));
        set(easy, CURLOPT_TCP_KEEPALIVE, 1L);
        set(easy, CURLOPT_BUFFERSIZE, kReceiveBuffer);
        set(easy, CURLOPT_UPLOAD_BUFFERSIZE, kUploadBuffer);
        set(easy, CURLOPT_SHARE, pool_->share.get());
        set(easy, CURLOPT_USERAGENT, "osb-oci/" OSB_VERSION);
        set(easy, CURLOPT_ERRORBUFFER, error_text_.data());
        set(easy, CURLOPT_HEADERFUNCTION, &Transfer::on_header);
        set(easy, CURLOPT_HEADERDATA, this);
        set(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_body);
        set(easy, CURLOPT_WRITEDATA, this);
        if (request.total_time) deadline_ = Clock::now() + *request.total_time;
        has_body_ = request.body.has_value();
        if (request.body) body_size_ = request.body->size();
        sent_headers_ = set_method(easy, request);
        if (request.tls) set_tls(easy, *request.tls);
        if (!request.unix_socket.empty()) set(easy, CURLOPT_UNIX_SOCKET_PATH, request.unix_socket.c_str());
        set_proxy(easy, proxy_, pool_->proxies);
        set(easy, CURLOPT_PRIVATE, this);
        // Otherwise libcurl would open a connection while it does not know that it can share one.
        if (shared_ != nullptr) set(easy, CURLOPT_PIPEWAIT, 1L);
        with_multi([&](CURLM* multi) { check(curl_multi_add_handle(multi, easy)); });
        added_ = true;
        last_check_ = Clock::now();
    }

    // Transfers the available data, then waits a moment for more.
    void drive(milliseconds patience) {
        check_interrupt();
        const milliseconds step = std::clamp(patience / 4, milliseconds(1), kPoll);
        if (shared_ != nullptr) return drive_shared(patience, step);
        int running = 0;
        const std::size_t before = received_;
        check(curl_multi_perform(connection_.multi.get(), &running));
        rethrow();
        if (running == 0) {
            take_result();
            return;
        }
        check_speed(patience);
        if (received_ != before) return;
        check(curl_multi_poll(connection_.multi.get(), nullptr, 0, static_cast<int>(step.count()), nullptr));
    }

    // Drives the transfers of all threads, unless another one does.
    void drive_shared(milliseconds patience, milliseconds step) {
        shared_->drive(
            step, [this] { return ended_ || error_ || received_ != seen_; },
            [](CURL* handle, CURLcode code) {
                char* owner = nullptr;
                check(curl_easy_getinfo(handle, CURLINFO_PRIVATE, &owner));
                auto& transfer = *reinterpret_cast<Transfer*>(owner);
                transfer.result_ = code;
                transfer.ended_ = true;
            });
        bool ended = false;
        {
            const auto guard = lock();
            seen_ = received_;
            ended = ended_;
            rethrow();
        }
        if (!ended) return check_speed(patience);
        done_ = true;
        check_transfer(result_);
    }

    void take_result() {
        done_ = true;
        int left = 0;
        while (const CURLMsg* message = curl_multi_info_read(connection_.multi.get(), &left)) {
            if (message->msg == CURLMSG_DONE) check_transfer(message->data.result);
        }
    }

    // Measures only time inside of the transfer, because a reader may be slow.
    void check_speed(milliseconds patience) {
        const Clock::time_point now = Clock::now();
        if (deadline_ && now > *deadline_) fail("the transfer took too long");
        waited_ += std::min<Clock::duration>(now - last_check_, 2 * kPoll);
        last_check_ = now;
        curl_off_t sent = 0;
        // A shared connection is for requests without a body.
        if (shared_ == nullptr)
            check(curl_easy_getinfo(connection_.easy.get(), CURLINFO_SIZE_UPLOAD_T, &sent));
        const Seen seen = look();
        const std::uint64_t moved = seen.received + static_cast<std::uint64_t>(sent);
        if (seen.has_head && !answered_) {
            // The wait for the response is over; measure its body separately.
            answered_ = true;
            moved_before_ = moved;
            waited_ = {};
        }
        const bool awaiting = has_body_ && !answered_ && static_cast<std::uint64_t>(sent) >= body_size_;
        const milliseconds limit = awaiting ? patience : pool_->limits.low_speed_time;
        if (waited_ < limit) return;
        const auto enough =
            pool_->limits.low_speed * static_cast<std::uint64_t>(pool_->limits.low_speed_time.count()) / 1000;
        if (moved - moved_before_ < std::max<std::uint64_t>(enough, 1)) {
            fail("the transfer stalled");
        }
        moved_before_ = moved;
        waited_ = {};
    }

    void check_transfer(CURLcode code) {
        rethrow();
        if (code == CURLE_OK) return;
        const std::string_view detail = error_text_[0] != '\0' ? std::string_view(error_text_.data())
                                                               : std::string_view(curl_easy_strerror(code));
        done_ = true;
        broken_ = true;
        std::string message = concat(name_, via_proxy(), ": ", escape(detail));
        const ProxyAnswer answer =
            proxy_ != nullptr ? proxy_answer(connection_.easy.get(), code) : ProxyAnswer{};
        release();
        if (answer.refused) {
            NetworkError error(ErrorKind::unavailable, std::move(message), answer.transient, false);
            if (answer.wants_password) error.hint(kProxyPasswordHint);
            throw NetworkError(error);
        }
        if (code == CURLE_SSL_CONNECT_ERROR &&
            detail.find("wrong version number") != std::string_view::npos) {
            // OpenSSL reports this for a response without TLS. A retry cannot succeed.
            NetworkError error(ErrorKind::unavailable, std::move(message), false, false);
            error.hint("if the server uses plain http, allow it with --tls-verify=false");
            throw NetworkError(error);
        }
        if (is_untrusted(code)) {
            NetworkError error(ErrorKind::untrusted, std::move(message), false, false);
            error.hint(certificate_hint(detail));
            throw NetworkError(error);
        }
        throw NetworkError(ErrorKind::unavailable, std::move(message), !is_permanent(code),
                           !is_unconnected(code));
    }

    std::string via_proxy() const {
        return proxy_ != nullptr ? concat(" through the proxy ", quoted(proxy_->to_string())) : std::string();
    }

    [[noreturn]] void fail(std::string_view problem) {
        // A server that does not respond to a TLS handshake may not support TLS.
        curl_off_t handshake = 0;
        with_multi([&](CURLM* /*multi*/) {
            check(curl_easy_getinfo(connection_.easy.get(), CURLINFO_APPCONNECT_TIME_T, &handshake));
        });
        const bool connected = handshake > 0 || url_.starts_with("http:");
        done_ = true;
        broken_ = true;
        release();
        throw NetworkError(ErrorKind::unavailable, concat(name_, via_proxy(), ": ", problem), true,
                           connected);
    }

    void rethrow() {
        if (!error_) return;
        broken_ = true;
        done_ = true;
        std::rethrow_exception(std::exchange(error_, nullptr));
    }

    // Returns the connection to the pool, or closes it if its state is unknown.
    void release() noexcept {
        if (!connection_.easy) return;
        if (added_) {
            with_multi([this](CURLM* multi) {
                if (done_ && !broken_ && !has_body_) pool_->note_link(connection_.easy.get());
                curl_multi_remove_handle(multi, connection_.easy.get());
            });
        }
        added_ = false;
        if (shared_ != nullptr) {
            connection_.easy.reset();
            pool_->leave_shared();
        } else if (done_ && !broken_) {
            pool_->give_back(std::move(connection_));
        } else {
            connection_.easy.reset();
            connection_.multi.reset();
        }
        connection_ = {};
    }

    static std::size_t on_header(char* data, std::size_t size, std::size_t count, void* self) noexcept {
        auto& transfer = *static_cast<Transfer*>(self);
        try {
            transfer.take_header({data, size * count});
            return size * count;
        } catch (...) {  // an exception must not pass through libcurl; drive() rethrows it
            transfer.error_ = std::current_exception();
            return CURL_WRITEFUNC_ERROR;
        }
    }

    void take_header(std::string_view line) {
        received_ += line.size();
        with_context([this] { return name_; }, [&] { head_.add_line(line); });
    }

    static std::size_t on_body(char* data, std::size_t size, std::size_t count, void* self) noexcept {
        auto& transfer = *static_cast<Transfer*>(self);
        try {
            return transfer.take_body(as_bytes({data, size * count}));
        } catch (...) {  // as above
            transfer.error_ = std::current_exception();
            return CURL_WRITEFUNC_ERROR;
        }
    }

    std::size_t take_body(ByteView bytes) {
        if (shared_ != nullptr) return keep_body(bytes);
        // There is no reader, or the buffered bytes are unread. Pause the transfer and thereby the server.
        if (!bytes.empty() && (target_.empty() || !pending_.empty())) {
            paused_ = true;
            return CURL_WRITEFUNC_PAUSE;
        }
        const std::size_t size = bytes.size();
        received_ += size;
        pool_->bytes += size;
        const std::size_t direct = std::min(size, target_.size());
        if (direct > 0) std::memcpy(target_.data(), bytes.data(), direct);
        target_ = target_.subspan(direct);
        bytes = bytes.subspan(direct);
        pending_.assign(bytes.begin(), bytes.end());
        return size;
    }

    // Keeps bytes of a shared connection, on which others wait for theirs.
    std::size_t keep_body(ByteView bytes) {
        if (pending_.size() - pending_read_ > kMaxWaiting) {
            paused_ = true;
            return CURL_WRITEFUNC_PAUSE;
        }
        received_ += bytes.size();
        pool_->bytes += bytes.size();
        pending_.insert(pending_.end(), bytes.begin(), bytes.end());
        return bytes.size();
    }

    std::shared_ptr<HttpClient::Pool> pool_;
    std::string name_;
    HttpHead head_;
    const Proxy* proxy_;  // owned by the pool; nullptr for a direct connection
    std::string origin_;
    std::string url_;
    // Owned by the pool; nullptr for a connection of its own. Its mutex then protects what callbacks write:
    // head_, error_, paused_, ended_, result_, pending_ and received_.
    SharedMulti* shared_ = nullptr;
    Connection connection_;
    List sent_headers_;
    std::array<char, CURL_ERROR_SIZE> error_text_{};
    std::exception_ptr error_;    // of a callback; rethrown at once
    std::exception_ptr failure_;  // of the connection; rethrown after the received bytes were read
    bool added_ = false;
    bool has_body_ = false;
    std::uint64_t body_size_ = 0;
    bool done_ = false;
    bool broken_ = false;
    bool paused_ = false;
    bool ended_ = false;  // on a shared connection: libcurl has finished with this result
    CURLcode result_ = CURLE_OK;
    std::uint64_t seen_ = 0;  // bytes received when the thread looked last
    bool answered_ = false;   // check_speed() has seen the head of the final response
    // The free part of the reader's buffer, and the bytes that did not fit.
    MutableBytes target_;
    std::vector<std::uint8_t> pending_;
    std::size_t pending_read_ = 0;
    // State of the speed check.
    std::uint64_t received_ = 0;
    std::uint64_t moved_before_ = 0;
    Clock::duration waited_{};
    Clock::time_point last_check_;
    std::optional<Clock::time_point> deadline_;
};

}  // namespace

std::optional<std::uint64_t> HttpResponse::number(std::string_view name) const {
    const std::optional<std::string_view> text = header(name);
    return text ? parse_number(*text) : std::nullopt;
}

HttpClient::HttpClient(const HttpLimits& limits, ProxySettings proxies)
    : pool_(std::make_shared<Pool>(limits, std::move(proxies))) {}
HttpClient::~HttpClient() = default;

oci::Traffic HttpClient::traffic() const {
    return {
        .bytes = pool_->bytes, .requests = pool_->requests, .bytes_per_wait = pool_->link.bytes_per_wait()};
}

HttpResponse HttpClient::send(const HttpRequest& request) {
    auto transfer = std::make_unique<Transfer>(pool_, request);
    transfer->wait_for_headers();
    ++pool_->requests;
    HttpResponse out = transfer->take_response();
    out.body = std::move(transfer);
    static_cast<void>(out.number("content-length"));  // throws if two of them differ
    return out;
}

}  // namespace osb::registry

#include "registry/distribution/session.hh"

#include <array>
#include <utility>

#include "base/escape.hh"
#include "base/log.hh"
#include "registry/auth/error_body.hh"

namespace osb::registry {
namespace {

constexpr unsigned kMaxRedirects = 10;
constexpr unsigned kMaxAuthRounds = 3;
constexpr unsigned kMaxForbidden = 3;
constexpr std::size_t kMaxWarnings = 16;
// Of redirects: one for each blob that is read in parts.
constexpr std::size_t kMaxLocations = 4096;
constexpr std::size_t kMaxWarning = 4096;
constexpr std::chrono::seconds kProbeTime{30};

bool is_redirect(int status) noexcept {
    return status == 301 || status == 302 || status == 303 || status == 307 || status == 308;
}

// Before 307, clients disagreed on redirects of a request with a body.
bool may_follow(const RegistryRequest& request, int status) {
    return request.method == "GET" || request.method == "HEAD" || status == 307 || status == 308;
}

Url make_base(const std::string& host) {
    const std::optional<Url> out = Url::parse(concat("https://", host, '/'));
    if (!out) throw Error(ErrorKind::usage, concat("not the name of a registry: ", quoted(host)));
    return *out;
}

// Only the registry receives the client certificate. The trusted certificates also apply to redirects.
std::shared_ptr<const TlsOptions> without_client(const std::shared_ptr<const TlsOptions>& tls) {
    if (!tls) return tls;
    auto out = std::make_shared<TlsOptions>(*tls);
    out->client_cert_path.clear();
    out->client_key_path.clear();
    return out;
}

}  // namespace

void discard_body(HttpResponse& response) {
    if (!response.body) return;
    std::array<std::uint8_t, 4096> buffer{};
    try {
        for (int i = 0; i < 16; ++i) {
            if (response.body->read(buffer) == 0) return;
        }
    } catch (const Error&) {
        // The body is not needed, so the connection is just closed.
        response.body.reset();
    }
}

Session::Session(std::shared_ptr<HttpClient> http, Options options)
    : http_(std::move(http)), options_(std::move(options)), base_(make_base(options_.host)) {
    if (!options_.insecure) {
        foreign_tls_ = without_client(options_.tls);
        return;
    }
    auto tls = options_.tls ? std::make_shared<TlsOptions>(*options_.tls) : std::make_shared<TlsOptions>();
    tls->verify = false;
    options_.tls = std::move(tls);
    foreign_tls_ = without_client(options_.tls);
}

void Session::probe() {
    if (probed_) return;
    if (options_.insecure || options_.plain_http) {
        HttpRequest request{
            .url = *base_.resolve("/v2/"), .tls = options_.tls, .total_time = kProbeTime, .is_small = true};
        try {
            HttpResponse response = http_->send(request);
            discard_body(response);
        } catch (const NetworkError& secure_error) {
            if (secure_error.connected()) throw;
            if (!options_.insecure && secure_error.kind() == ErrorKind::untrusted) throw;
            const bool has_port = options_.host.find(':', options_.host.rfind(']') + 1) != std::string::npos;
            request.url.scheme = "http";
            if (!has_port) request.url.port = 80;
            try {
                HttpResponse response = http_->send(request);
                discard_body(response);
                // The response may come from a server that should be used with https.
                if (response.status == 400) throw NetworkError(secure_error);
            } catch (const NetworkError&) {
                throw NetworkError(secure_error);  // report the error of https, which was requested
            }
            base_.scheme = request.url.scheme;
            base_.port = request.url.port;
        }
    }
    authenticator_ = std::make_unique<Authenticator>(
        http_, base_,
        Authenticator::Options{.insecure = options_.insecure,
                               .tls = options_.tls,
                               .credentials = options_.credentials,
                               .credentials_given = options_.credentials_given,
                               .credentials_hint = options_.credentials_hint,
                               .lookup = options_.lookup,
                               .retry = options_.retry,
                               .hooks = options_.hooks});
    probed_ = true;
}

Url Session::url(std::string_view path) {
    const std::lock_guard guard(mutex_);
    Retry retry(options_.retry, options_.hooks);
    retry.run([&] { probe(); });
    Url out = base_;
    out.target = path;
    return out;
}

void Session::note_warnings(const HttpResponse& response) {
    for (const auto& [name, value] : response.headers) {
        // The distribution specification defines only the form Warning: 299 - "text".
        if (name != "warning" || !value.starts_with("299 - \"") || value.size() > kMaxWarning) continue;
        const std::lock_guard guard(mutex_);
        if (warned_.size() >= kMaxWarnings || !warned_.insert(value).second) continue;
        log_warning(concat("registry ", quoted(options_.host), ": ", escape(redacted(value.substr(6)))));
    }
}

HttpResponse Session::send_authorized(const RegistryRequest& request, const Url& url) {
    const bool own = url.same_origin(base_);
    HttpRequest raw{.method = request.method,
                    .url = url,
                    .headers = request.headers,
                    .body = request.body,
                    .tls = url.host == base_.host ? options_.tls : foreign_tls_,
                    .total_time = request.total_time,
                    .is_small = request.is_small || request.method == "HEAD"};
    for (unsigned round = 0;; ++round) {
        std::string used;
        if (own) used = authenticator_->authorize(request.scopes);
        raw.headers = request.headers;
        if (!used.empty()) raw.headers.emplace_back("Authorization", used);
        HttpResponse response = http_->send(raw);
        note_warnings(response);
        if (response.status != 401 || !own || round + 1 == kMaxAuthRounds) return response;
        if (!authenticator_->answer(response.headers, request.scopes, used)) return response;
        discard_body(response);
    }
}

void Session::set_location(const Url& url, std::optional<Url> location) {
    const std::lock_guard guard(mutex_);
    const std::string key = url.to_string();
    locations_.erase(key);
    if (location && locations_.size() < kMaxLocations) locations_.emplace(key, *std::move(location));
}

// Returns nullopt if no location is known, or if it refuses the request.
std::optional<HttpResponse> Session::send_to_known_location(const RegistryRequest& request) {
    std::optional<Url> location;
    {
        const std::lock_guard guard(mutex_);
        const auto found = locations_.find(request.url.to_string());
        if (found == locations_.end()) return std::nullopt;
        location = found->second;
    }
    try {
        HttpResponse response = send_authorized(request, *location);
        if (response.status >= 200 && response.status < 300) return response;
        set_location(request.url, std::nullopt);
        // These say something about the blob or the moment, not about the location.
        const bool is_answer = response.status == 416 || is_transient_status(response.status);
        if (is_answer || response.status == 501) return response;
        discard_body(response);
        return std::nullopt;
    } catch (const NetworkError&) {
        set_location(request.url, std::nullopt);
        throw;
    }
}

HttpResponse Session::send_once(const RegistryRequest& request) {
    if (request.reuse_redirect) {
        if (auto response = send_to_known_location(request)) return *std::move(response);
    }
    return send_following(request);
}

HttpResponse Session::send_following(const RegistryRequest& request) {
    Url url = request.url;
    for (unsigned hop = 0; hop <= kMaxRedirects; ++hop) {
        HttpResponse response = send_authorized(request, url);
        const bool follow =
            request.follow_redirects && is_redirect(response.status) && may_follow(request, response.status);
        if (!follow) {
            const bool is_success = response.status >= 200 && response.status < 300;
            if (request.reuse_redirect && hop > 0 && is_success) set_location(request.url, url);
            return response;
        }
        const auto location = response.header("location");
        const std::optional<Url> next = location ? url.resolve(*location) : std::nullopt;
        if (!next) {
            throw Error(ErrorKind::unavailable,
                        concat(quoted(url.redacted()), ": redirect to an invalid location: ",
                               quoted(redacted(std::string(location.value_or(""))))));
        }
        if (url.scheme == "https" && next->scheme != "https") {
            throw Error(ErrorKind::unavailable,
                        concat(quoted(url.redacted()),
                               ": redirect from https to http: ", quoted(redacted(next->redacted()))));
        }
        discard_body(response);
        url = *next;
    }
    throw Error(ErrorKind::unavailable, concat(quoted(request.url.redacted()), ": too many redirects"));
}

// Records the response to a request, and returns whether a request of this kind was allowed before.
bool Session::was_allowed(const RegistryRequest& request, int status) {
    const bool reads = request.method == "GET" || request.method == "HEAD";
    const std::lock_guard guard(mutex_);
    bool& allowed = reads ? may_read_ : may_write_;
    if (status >= 200 && status < 300) allowed = true;
    return allowed;
}

HttpResponse Session::send(const RegistryRequest& request) {
    static_cast<void>(url("/"));  // probes http and https if that was not done yet
    Retry retry(options_.retry, options_.hooks);
    unsigned forbidden = 0;
    const auto attempt = [&]() -> std::optional<HttpResponse> {
        HttpResponse response = send_once(request);
        const bool passing = was_allowed(request, response.status) && response.status == 403;
        if (passing && forbidden++ < kMaxForbidden && retry.again()) return std::nullopt;
        if (request.retry && retry.again_after(response)) return std::nullopt;
        return response;
    };
    return retry.run(attempt, request.retry);
}

std::string Session::described(HttpResponse& response) const {
    return redacted(response.body ? describe_error_body(*response.body) : std::string());
}

std::string Session::redacted(std::string text) const {
    return authenticator_ ? authenticator_->redact(std::move(text)) : text;
}

void Session::fail(HttpResponse& response, std::string_view what) const {
    const std::string said = described(response);
    const bool missing = response.status == 404;
    Error error(missing ? ErrorKind::not_found : ErrorKind::unavailable,
                concat(what, ": HTTP ", response.status, said.empty() ? "" : ": ", said));
    if (response.status == 401 || response.status == 403) {
        const bool known = authenticator_ && authenticator_->has_credentials();
        if (known) {
            error.hint("the registry does not permit this: check the user, password and permissions");
        } else if (authenticator_) {
            error.hint(authenticator_->login_hint(false, options_.host));
        }
    } else if (response.status == 407) {
        error.hint(kProxyPasswordHint);
    } else if (response.status == 413) {
        error.hint("the registry does not accept documents or blobs of that size");
    }
    throw Error(error);
}

}  // namespace osb::registry

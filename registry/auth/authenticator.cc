#include "registry/auth/authenticator.hh"

#include <algorithm>
#include <array>
#include <exception>
#include <nlohmann/json.hpp>
#include <utility>

#include "base/base64.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/secret.hh"
#include "oci/codec/decompress.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "registry/auth/error_body.hh"

namespace osb::registry {
namespace {

using Clock = std::chrono::steady_clock;
using oci::Json;

constexpr std::size_t kMaxTokenReply = 1024UL * 1024;
constexpr std::string_view kReply = "the reply with the token";
constexpr unsigned kMaxRealmHops = 10;
// The minimum lifetime of a token in seconds. A shorter reported lifetime is raised to it, because the token
// would expire before its use.
constexpr std::uint64_t kMinTokenLife = 60;
constexpr std::uint64_t kMaxTokenLife = 24UL * 3600;
constexpr std::chrono::seconds kTokenTime{60};

std::string_view last_labels(std::string_view host, unsigned count) {
    std::size_t at = host.size();
    while (count-- > 0) {
        if (at == 0) return {};
        const std::size_t dot = host.rfind('.', at - 1);
        if (dot == std::string_view::npos) return count == 0 ? host : std::string_view();
        at = dot;
    }
    return host.substr(at + 1);
}

// The part of a host name that one owner controls, estimated without the public suffix list: the last two
// labels, or three below an apparent public suffix. "" for addresses and single labels.
std::string_view owner_domain(std::string_view host) {
    static constexpr std::array<std::string_view, 12> kShared = {
        "amazonaws.com", "azure.com",   "azurewebsites.net", "github.io",  "gitlab.io",      "googleapis.com",
        "herokuapp.com", "netlify.app", "pages.dev",         "vercel.app", "cloudfront.net", "workers.dev"};
    if (host.starts_with('[') || host.empty() || (host.back() >= '0' && host.back() <= '9')) return {};
    const std::string_view two = last_labels(host, 2);
    const std::size_t dot = two.find('.');
    if (dot == std::string_view::npos) return {};
    const bool country = two.size() - dot - 1 == 2 && dot <= 3;  // co.uk, com.au
    const bool shared = std::find(kShared.begin(), kShared.end(), two) != kShared.end();
    return country || shared ? last_labels(host, 3) : two;
}

std::string join(const std::vector<std::string>& parts) {
    std::string out;
    for (const std::string& part : parts) out += (out.empty() ? "" : " ") + part;
    return out;
}

// Adds the scopes that the challenge requests to ours.
std::vector<std::string> merged_scopes(std::vector<std::string> scopes, std::string_view asked) {
    constexpr std::size_t kMaxScopes = 16;
    while (!asked.empty()) {
        const std::size_t end = std::min(asked.find(' '), asked.size());
        const std::string one(asked.substr(0, end));
        asked.remove_prefix(std::min(end + 1, asked.size()));
        const bool known = std::find(scopes.begin(), scopes.end(), one) != scopes.end();
        if (!one.empty() && !known && scopes.size() < kMaxScopes) scopes.push_back(one);
    }
    return scopes;
}

// Undoes `Content-Encoding: gzip`, which osb-oci does not ask for, but some proxies apply. No JSON begins
// like gzip.
std::string without_encoding(std::string body) {
    if (!body.starts_with("\x1F\x8B")) return body;
    MemorySource packed(as_bytes(body));
    return read_all(*oci::decompress(packed, oci::Compression::gzip), kMaxTokenReply, kReply);
}

[[noreturn]] void fail(const Url& realm, std::string_view problem) {
    throw Error(ErrorKind::unavailable, concat("token server ", quoted(realm.redacted()), ": ", problem));
}

}  // namespace

RealmTrust judge_realm(const Url& registry, const Url& realm, bool insecure) {
    if (realm.same_origin(registry)) return RealmTrust::trusted;
    const bool same_host = realm.host == registry.host;
    if (is_private_host(realm.host) && !same_host && !insecure) return RealmTrust::refused;
    if (realm.scheme != "https") {
        // Stored credentials are meant for a server that can prove its name.
        if (same_host && registry.scheme != "https") return RealmTrust::given;
        return insecure ? RealmTrust::anonymous : RealmTrust::refused;
    }
    const std::string_view owner = owner_domain(registry.host);
    const bool related = !owner.empty() && owner == owner_domain(realm.host);
    return same_host || related ? RealmTrust::trusted : RealmTrust::anonymous;
}

Authenticator::Authenticator(std::shared_ptr<HttpClient> http, Url registry, Options options)
    : http_(std::move(http)), registry_(std::move(registry)), options_(std::move(options)) {
    if (!options_.credentials) return;
    const Credentials& own = *options_.credentials;
    for (const std::string& secret :
         {own.password, own.identity_token, own.registry_token, percent_encode(own.password),
          encode_base64(concat(own.user, ':', own.password))}) {
        if (secret.empty()) continue;
        secrets_.push_back(secret);
        keep_secret(secret);
    }
}

std::string Authenticator::authorize(const std::vector<std::string>& scopes) {
    const std::lock_guard guard(mutex_);
    const std::string key = join(scopes);
    const auto found = tokens_.find(key);
    if (found != tokens_.end() && found->second.expires > Clock::now()) return found->second.header;
    if (bearer_) return fetch_token(*bearer_, scopes);
    return fixed_;
}

// No token server is asked: whoever stores such a token got it from one.
bool Authenticator::answer_with_registry_token(const std::vector<Challenge>& challenges,
                                               const std::string& used) {
    const bool is_asked = std::any_of(challenges.begin(), challenges.end(),
                                      [](const Challenge& one) { return one.scheme == "bearer"; });
    if (!is_asked) return false;
    fixed_ = "Bearer " + options_.credentials->registry_token;
    return fixed_ != used;
}

bool Authenticator::answer(const HeaderList& headers, const std::vector<std::string>& scopes,
                           const std::string& used) {
    const std::lock_guard guard(mutex_);
    // Another thread may have fetched a token in the meantime.
    const auto known = tokens_.find(join(scopes));
    if (known != tokens_.end() && known->second.header != used && known->second.expires > Clock::now()) {
        return true;
    }
    const std::vector<Challenge> challenges = parse_challenges(headers);
    if (options_.credentials && !options_.credentials->registry_token.empty())
        return answer_with_registry_token(challenges, used);
    // In the order of the registry. If one fails, the next one may work: behind some proxies the token server
    // is out of reach, and the registry itself accepts the password.
    std::exception_ptr failure;
    for (const Challenge& challenge : challenges) {
        try {
            if (answer_one(challenge, scopes, used)) return true;
        } catch (const Error&) {
            if (!failure) failure = std::current_exception();
        }
    }
    if (failure) std::rethrow_exception(failure);
    return false;
}

bool Authenticator::answer_one(const Challenge& challenge, const std::vector<std::string>& scopes,
                               const std::string& used) {
    if (challenge.scheme == "bearer" && !challenge.param("realm").empty()) {
        const std::vector<std::string> all = merged_scopes(scopes, challenge.param("scope"));
        tokens_.erase(join(scopes));
        const std::string header = fetch_token(challenge, all);
        // The next request looks the token up by its own scopes.
        if (all != scopes) tokens_[join(scopes)] = tokens_.at(join(all));
        bearer_ = challenge;
        // Additional scopes of one request do not belong to the next one.
        bearer_->params.erase("scope");
        bearer_->params.erase("error");
        return header != used;
    }
    if (challenge.scheme != "basic" || !options_.credentials || options_.credentials->user.empty())
        return false;
    const Credentials& own = *options_.credentials;
    fixed_ = "Basic " + encode_base64(concat(own.user, ':', own.password));
    // Tokens that did not work would be used before the password.
    if (fixed_ != used) tokens_.erase(join(scopes));
    return fixed_ != used;
}

Authenticator::Shown Authenticator::credentials_for(const Url& realm, RealmTrust trust) const {
    const bool own =
        trust == RealmTrust::trusted || (trust == RealmTrust::given && options_.credentials_given);
    if (own) return {.credentials = options_.credentials, .its_own = false};
    // A foreign server receives only the credentials that the user stored for it, and only if it can prove
    // its identity.
    const bool clear = realm.scheme != "https";
    if (options_.lookup && !clear) {
        if (auto found = options_.lookup(realm.host_port())) {
            return {.credentials = std::move(found), .its_own = true};
        }
    }
    if (options_.credentials) {
        log_warning(concat("the credentials of ", quoted(registry_.host_port()),
                           " are not sent to its token server at ", quoted(realm.host_port()),
                           clear ? ", which uses plain http" : ", for which there are no credentials"));
    }
    return {};
}

std::string Authenticator::login_hint(bool shown, std::string_view host) const {
    if (shown) return "check the user, password and permissions";
    if (!options_.credentials_hint.empty()) return options_.credentials_hint;
    return concat("log in, e.g. with podman login ", escape(host));
}

std::string Authenticator::fetch_token(const Challenge& challenge, const std::vector<std::string>& scopes) {
    const std::string text = challenge.param("realm");
    const std::optional<Url> realm = Url::parse(text);
    const RealmTrust trust = realm ? judge_realm(registry_, *realm, options_.insecure) : RealmTrust::refused;
    if (trust == RealmTrust::refused) {
        throw Error(ErrorKind::unavailable,
                    concat("registry ", quoted(registry_.host_port()),
                           " names a token server that is not allowed: ", quoted(text)));
    }
    const Shown shown = credentials_for(*realm, trust);
    HttpResponse response = ask(challenge, scopes, *realm, shown);
    if (response.status != 200) {
        const std::string body = redact(describe_error_body(*response.body));
        Error error(ErrorKind::unavailable, concat("token server ", quoted(realm->redacted()), ": HTTP ",
                                                   response.status, body.empty() ? "" : ": ", body));
        const bool denied = response.status == 401 || response.status == 403;
        if (denied) error.hint(login_hint(shown.credentials.has_value(), registry_.host_port()));
        throw Error(error);
    }
    Token token;
    try {
        token = parse_token(response);
    } catch (const Error& error) {
        if (error.kind() == ErrorKind::unavailable) throw;
        fail(*realm, error.message());
    }
    std::string header = token.header;
    constexpr std::size_t kMaxTokens = 256;
    if (tokens_.size() >= kMaxTokens) tokens_.clear();
    tokens_[join(scopes)] = std::move(token);
    return header;
}

Authenticator::Token Authenticator::parse_token(HttpResponse& response) {
    const std::string body = without_encoding(read_all(*response.body, kMaxTokenReply, kReply));
    std::optional<Json> reply;
    try {
        reply = oci::parse_json(body, kReply);
    } catch (const Error&) {
        // The parser's message may contain the input, which is secret here.
    }
    if (!reply || !reply->is_object()) throw Error(ErrorKind::invalid, "the reply is not a JSON object");
    std::string token;
    for (const char* key : {"token", "access_token"}) {
        std::string text = oci::optional_string(*reply, key, "the reply");
        if (token.empty()) token = std::move(text);
    }
    // Other characters could end the header that contains the token.
    if (!is_token_text(token)) throw Error(ErrorKind::invalid, "the reply does not contain a usable token");
    std::uint64_t life = kMinTokenLife;
    if (const Json& expires = oci::member_or_null(*reply, "expires_in"); expires.is_number_unsigned()) {
        life = std::clamp(expires.get<std::uint64_t>(), kMinTokenLife, kMaxTokenLife);
    }
    forbid_core_dumps();
    {
        const std::lock_guard guard(secrets_mutex_);
        if (std::find(secrets_.begin(), secrets_.end(), token) == secrets_.end()) secrets_.push_back(token);
    }
    // Expires a little earlier, because the next request needs time.
    return {.header = "Bearer " + token, .expires = Clock::now() + std::chrono::seconds(life * 9 / 10)};
}

// Only the registry receives the client certificate. The trusted certificates apply to its token server as
// well. The permission to skip verification does not apply to a server with credentials of its own.
std::shared_ptr<const TlsOptions> Authenticator::tls_for(const Url& realm, const Shown& shown) const {
    if (!options_.tls || realm.host == registry_.host) return options_.tls;
    auto out = std::make_shared<TlsOptions>(*options_.tls);
    if (shown.its_own) out->verify = true;
    out->client_cert_path.clear();
    out->client_key_path.clear();
    return out;
}

HttpResponse Authenticator::ask(const Challenge& challenge, const std::vector<std::string>& scopes, Url realm,
                                const Shown& shown) {
    const std::optional<Credentials>& credentials = shown.credentials;
    if (!credentials || credentials->identity_token.empty()) {
        return ask_by_get(challenge, scopes, std::move(realm), shown);
    }
    std::string form = concat(
        "grant_type=refresh_token&client_id=osb-oci&service=", percent_encode(challenge.param("service")),
        "&scope=", percent_encode(join(scopes)),
        "&refresh_token=", percent_encode(credentials->identity_token));
    HttpRequest request{.method = "POST",
                        .url = realm,
                        .headers = {{"Content-Type", "application/x-www-form-urlencoded"}},
                        .body = as_bytes(form),
                        .tls = tls_for(realm, shown),
                        .total_time = kTokenTime};
    HttpResponse response = send(request);
    const bool unknown = response.status == 404 || response.status == 405;
    if (!unknown || credentials->user.empty() || credentials->password.empty()) return response;
    return ask_by_get(challenge, scopes, std::move(realm), shown);
}

HttpResponse Authenticator::ask_by_get(const Challenge& challenge, const std::vector<std::string>& scopes,
                                       Url realm, Shown shown) {
    std::optional<Credentials>& credentials = shown.credentials;
    if (credentials && credentials->user.empty()) credentials.reset();
    const std::string service = challenge.param("service");
    if (!service.empty()) realm.add_query("service", service);
    for (const std::string& scope : scopes) realm.add_query("scope", scope);
    if (credentials) realm.add_query("account", credentials->user);
    HttpRequest request{.tls = tls_for(realm, shown), .total_time = kTokenTime, .is_small = true};
    request.url = std::move(realm);
    for (unsigned hop = 0; hop <= kMaxRealmHops; ++hop) {
        request.headers.clear();
        if (credentials) {
            request.headers.emplace_back(
                "Authorization",
                "Basic " + encode_base64(concat(credentials->user, ':', credentials->password)));
        }
        HttpResponse response = send(request);
        if (response.status < 301 || response.status > 308 || response.status == 304) return response;
        const auto location = response.header("location");
        const auto next = location ? request.url.resolve(*location) : std::nullopt;
        const bool downgraded = next && request.url.scheme == "https" && next->scheme != "https";
        if (!next || downgraded || judge_realm(registry_, *next, options_.insecure) == RealmTrust::refused) {
            fail(request.url, "redirects to a server that is not allowed");
        }
        if (!next->same_origin(request.url)) {
            credentials.reset();
            request.tls.reset();  // certificates and the permission to skip verification belong to a host
        }
        request.url = *next;
    }
    fail(request.url, "too many redirects");
}

HttpResponse Authenticator::send(const HttpRequest& request) {
    Retry retry(options_.retry, options_.hooks);
    return retry.run([&]() -> std::optional<HttpResponse> {
        HttpResponse response = http_->send(request);
        if (retry.again_after(response)) return std::nullopt;
        return response;
    });
}

std::string Authenticator::redact(std::string text) const {
    const std::lock_guard guard(secrets_mutex_);
    for (const std::string& secret : secrets_) text = blotted(std::move(text), secret);
    return text;
}

}  // namespace osb::registry

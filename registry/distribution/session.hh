// Requests to one registry, with authorization, retries after transient failures, and redirects.
#pragma once

#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "registry/auth/authenticator.hh"
#include "registry/http/http_client.hh"
#include "registry/http/retry.hh"

namespace osb::registry {

// A request to the registry or to a location that it names.
struct RegistryRequest {
    std::string method = "GET";
    Url url;
    HeaderList headers;
    std::optional<ByteView> body;     // borrowed until send() returns
    std::vector<std::string> scopes;  // "repository:NAME:pull"
    // Retries after connection errors, 408, 429 and 5xx. False if the caller must first check the effect of
    // the first try. A 403 is retried a few times in any case if the same kind of request (read or write) was
    // allowed before: servers may disagree for a moment after a change of keys or permissions, and a refused
    // request has no effect.
    bool retry = true;
    bool follow_redirects = true;
    // Sends the request to the location to which an earlier one with the same URL was redirected. If that
    // location refuses it (a signed URL expires, usually with 403), the request is sent to the URL again.
    bool reuse_redirect = false;
    std::optional<std::chrono::milliseconds> total_time;
    bool is_small = false;  // as in HttpRequest
};

// Sends requests to one registry. Thread-safe.
class Session {
  public:
    struct Options {
        std::string host;         // host[:port]
        bool insecure = false;    // do not check certificates, and try plain http if https fails
        bool plain_http = false;  // try http if the server does not support TLS; check certificates
        std::shared_ptr<const TlsOptions> tls;
        std::optional<Credentials> credentials;
        bool credentials_given = false;  // they are for this call and not stored
        std::string credentials_hint;    // why there are no credentials, for messages; may be empty
        CredentialLookup lookup;         // for token servers on other hosts
        RetryPolicy retry;
        RetryHooks hooks = system_retry_hooks();
    };
    Session(std::shared_ptr<HttpClient> http, Options options);

    const std::string& host() const noexcept { return options_.host; }
    const RetryPolicy& retry_policy() const noexcept { return options_.retry; }
    const RetryHooks& retry_hooks() const noexcept { return options_.hooks; }

    // The URL of a path of the registry ("/v2/..."). In a session that may use http, the first call probes
    // whether the registry uses http or https. Throws NetworkError.
    Url url(std::string_view path);

    // The traffic of the client, which other sessions may share.
    oci::Traffic traffic() const { return http_->traffic(); }

    // Sends a request and returns the response, whatever its status. Follows at most 10 redirects, never from
    // https to http, and 301 to 303 only for GET and HEAD. Sends Authorization only to the registry's own
    // origin. Throws NetworkError and Error{unavailable}.
    HttpResponse send(const RegistryRequest& request);

    // Forgets where requests with this URL were redirected, because what the location sends is of no use.
    void forget_redirect(const Url& url) { set_location(url, std::nullopt); }

    // Describes the body of an error response (registry/auth/error_body.hh), without the secrets that were
    // used.
    std::string described(HttpResponse& response) const;
    // Removes the secrets that were used from a text of the registry. Escape the result before display.
    std::string redacted(std::string text) const;
    // Throws the Error for an unsuccessful response: not_found for 404, otherwise unavailable. The message
    // has the registry's description; a hint follows if a login may help.
    [[noreturn]] void fail(HttpResponse& response, std::string_view what) const;

  private:
    HttpResponse send_once(const RegistryRequest& request);
    std::optional<HttpResponse> send_to_known_location(const RegistryRequest& request);
    HttpResponse send_following(const RegistryRequest& request);
    void set_location(const Url& url, std::optional<Url> location);
    bool was_allowed(const RegistryRequest& request, int status);
    HttpResponse send_authorized(const RegistryRequest& request, const Url& url);
    void note_warnings(const HttpResponse& response);
    void probe();

    std::shared_ptr<HttpClient> http_;
    Options options_;
    std::shared_ptr<const TlsOptions> foreign_tls_;  // for redirects to other hosts
    std::mutex mutex_;                               // protects the following members
    Url base_;
    bool probed_ = false;
    std::unique_ptr<Authenticator> authenticator_;
    std::set<std::string> warned_;
    std::map<std::string, Url> locations_;  // of redirects, by the URL of the request
    bool may_read_ = false;                 // a request of this kind has succeeded
    bool may_write_ = false;
};

// Reads a short body to its end, so that its connection can be reused. Leaves a long one unread.
void discard_body(HttpResponse& response);

}  // namespace osb::registry

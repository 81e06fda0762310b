// Requests to one registry: with authorization, tries after passing failures, and redirects.
#pragma once

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

// One request to the registry or to where it sends us.
struct RegistryRequest {
    std::string method = "GET";
    Url url;
    HeaderList headers;
    std::optional<ByteView> body;     // borrowed until send() returned
    std::vector<std::string> scopes;  // "repository:NAME:pull"
    // Tried again after connection errors, 408, 429 and 5xx. False where the caller must look first what
    // became of the first try. 403 is tried again a few times in any case where the same kind of request
    // (reading, writing) was allowed before: right after a change of keys or rights some servers are not of
    // one mind, and what was refused has done nothing.
    bool retry = true;
    bool follow_redirects = true;
    std::optional<std::chrono::milliseconds> total_time;
};

// Threads may use it at once.
class Session {
  public:
    struct Options {
        std::string host;         // host[:port]
        bool insecure = false;    // certificates are not checked, and plain http is tried where https fails
        bool plain_http = false;  // http is tried where the server speaks no TLS; certificates are checked
        std::shared_ptr<const TlsOptions> tls;
        std::optional<Credentials> credentials;
        bool credentials_given = false;  // for this call, and not stored
        std::string credentials_hint;    // why there are none, for messages; may be empty
        CredentialLookup lookup;         // for token servers elsewhere
        RetryPolicy retry;
        RetryHooks hooks = system_retry_hooks();
    };
    Session(std::shared_ptr<HttpClient> http, Options options);

    const std::string& host() const noexcept { return options_.host; }
    const RetryPolicy& retry_policy() const noexcept { return options_.retry; }
    const RetryHooks& retry_hooks() const noexcept { return options_.hooks; }

    // The URL of a path of the registry ("/v2/..."). The first call of a session that may use http finds
    // out which of the two the registry speaks. Throws NetworkError.
    Url url(std::string_view path);

    // The response, whatever its status. Redirects are followed (at most 10, never from https to http, 301 to
    // 303 for GET and HEAD alone); Authorization goes to the registry's own origin only. Throws NetworkError
    // and Error{unavailable}.
    HttpResponse send(const RegistryRequest& request);

    // What the body of an error says (registry/auth/error_body.hh), without the secrets that were used.
    std::string described(HttpResponse& response) const;
    // Text of the registry's without the secrets that were used, to be escaped before it is printed.
    std::string redacted(std::string text) const;
    // Throws the Error for a response that is no success: not_found for 404, else unavailable, with what the
    // registry says and, where logging in may help, a hint.
    [[noreturn]] void fail(HttpResponse& response, std::string_view what) const;

  private:
    HttpResponse send_once(const RegistryRequest& request);
    bool was_allowed(const RegistryRequest& request, int status);
    HttpResponse send_authorized(const RegistryRequest& request, const Url& url);
    void note_warnings(const HttpResponse& response);
    void probe();

    std::shared_ptr<HttpClient> http_;
    Options options_;
    std::shared_ptr<const TlsOptions> foreign_tls_;  // for where it redirects to
    std::mutex mutex_;                               // over what follows
    Url base_;
    bool probed_ = false;
    std::unique_ptr<Authenticator> authenticator_;
    std::set<std::string> warned_;
    bool may_read_ = false;  // such a request was answered with what it asked for
    bool may_write_ = false;
};

// Reads a short body to its end, so that its connection can be used again; a long one is left.
void discard_body(HttpResponse& response);

}  // namespace osb::registry

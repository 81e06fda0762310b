// Registry authentication: the value of the header Authorization for RFC 7617 (Basic) and for the token
// scheme of the distribution project (docs/spec/auth/token.md, oauth.md). docs/registry.md has the rules that
// decide which servers receive credentials.
#pragma once

#include <chrono>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "registry/auth/challenge.hh"
#include "registry/auth/credentials.hh"
#include "registry/http/http_client.hh"
#include "registry/http/retry.hh"

namespace osb::registry {

// Returns the credentials for a host[:port], or nullopt.
using CredentialLookup = std::function<std::optional<Credentials>(const std::string& host)>;

// The level of trust in a token server.
enum class RealmTrust {
    refused,    // send no request
    anonymous,  // send requests, but not the registry's credentials
    given,      // send the credentials of this call (--creds), but no stored ones
    trusted,    // send all credentials, as to the registry
};

// Decides how far to trust the token server `realm` that `registry` names. Trusted: the same origin, the same
// host over https, or a host of the same domain over https. Refused, unless the user declared the registry
// `insecure`: plain http, except on the host of a registry that also uses plain http; and a private address
// other than the registry's own host. Over plain http, only the registry's own origin receives stored
// credentials.
RealmTrust judge_realm(const Url& registry, const Url& realm, bool insecure);

// Answers the authentication challenges of one registry. Thread-safe.
class Authenticator {
  public:
    struct Options {
        bool insecure = false;  // the user permitted http and unverified TLS
        std::shared_ptr<const TlsOptions> tls;
        std::optional<Credentials> credentials;
        bool credentials_given = false;  // they are for this call and not stored
        std::string credentials_hint;    // why there are no credentials, for messages; may be empty
        CredentialLookup lookup;         // for token servers on other hosts; may be empty
        RetryPolicy retry;
        RetryHooks hooks;
    };
    Authenticator(std::shared_ptr<HttpClient> http, Url registry, Options options);

    // Returns the value of the header for a request with these scopes ("repository:NAME:pull"). Returns "" if
    // the registry has not sent a challenge yet. Throws as answer().
    std::string authorize(const std::vector<std::string>& scopes);

    // Handles a 401 to a request whose header was `used`. Returns true if another try may succeed. Throws
    // Error{unavailable} if the token server refuses or misbehaves.
    bool answer(const HeaderList& headers, const std::vector<std::string>& scopes, const std::string& used);

    // The advice after a 401 or 403. shown: the request had credentials.
    std::string login_hint(bool shown, std::string_view host) const;
    bool has_credentials() const noexcept { return options_.credentials.has_value(); }
    // Removes every secret that was used so far from the text.
    std::string redact(std::string text) const;

  private:
    struct Token {
        std::string header;
        std::chrono::steady_clock::time_point expires;
    };

    bool answer_with_registry_token(const std::vector<Challenge>& challenges, const std::string& used);
    // answer() to one of the challenges.
    bool answer_one(const Challenge& challenge, const std::vector<std::string>& scopes,
                    const std::string& used);
    std::string fetch_token(const Challenge& challenge, const std::vector<std::string>& scopes);
    // The credentials for a token server.
    struct Shown {
        std::optional<Credentials> credentials;
        bool its_own = false;  // they are stored for its host, not for the registry's
    };

    HttpResponse ask(const Challenge& challenge, const std::vector<std::string>& scopes, Url realm,
                     const Shown& shown);
    HttpResponse ask_by_get(const Challenge& challenge, const std::vector<std::string>& scopes, Url realm,
                            Shown shown);
    HttpResponse send(const HttpRequest& request);
    std::shared_ptr<const TlsOptions> tls_for(const Url& realm, const Shown& shown) const;
    Shown credentials_for(const Url& realm, RealmTrust trust) const;
    Token parse_token(HttpResponse& response);

    std::shared_ptr<HttpClient> http_;
    Url registry_;
    Options options_;
    mutable std::mutex mutex_;  // held during a token request, so that only one is sent
    std::optional<Challenge> bearer_;
    std::string fixed_;                    // the header for a user and password, or for a registry token
    std::map<std::string, Token> tokens_;  // by scopes
    mutable std::mutex secrets_mutex_;
    std::vector<std::string> secrets_;
};

}  // namespace osb::registry

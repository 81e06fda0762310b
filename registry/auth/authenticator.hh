// What is put into the header Authorization: RFC 7617 (Basic) and the token scheme of the distribution
// project (docs/spec/auth/token.md, oauth.md). The rules for whom credentials are shown: docs/registry.md.
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

// Credentials for a host[:port]; nothing when there are none.
using CredentialLookup = std::function<std::optional<Credentials>(const std::string& host)>;

// How far a token server is trusted.
enum class RealmTrust {
    refused,    // it must not be asked at all
    anonymous,  // it may be asked, but not be shown the registry's credentials
    given,      // it may be shown what was given for this call (--creds), but nothing that is stored
    trusted,    // it is the registry's own
};

// Judges the realm that `registry` names. Trusted: the registry's own origin, its own host over https, or one
// of the same domain over https. Refused, unless the user takes the registry for `insecure`: plain http,
// except at the host of a registry that speaks it too; and a private address that is not the registry's own
// host. In plain http nobody but the registry's own origin is shown what is stored.
RealmTrust judge_realm(const Url& registry, const Url& realm, bool insecure);

// One registry's answers to 401. Threads may use it at once.
class Authenticator {
  public:
    struct Options {
        bool insecure = false;  // http and unverified TLS were asked for by the user
        std::shared_ptr<const TlsOptions> tls;
        std::optional<Credentials> credentials;
        bool credentials_given = false;  // for this call, and not stored
        std::string credentials_hint;    // why there are none, for messages; may be empty
        CredentialLookup lookup;         // for token servers elsewhere; may be empty
        RetryPolicy retry;
        RetryHooks hooks;
    };
    Authenticator(std::shared_ptr<HttpClient> http, Url registry, Options options);

    // The header's value for a request with these scopes ("repository:NAME:pull"), as far as the registry has
    // said what it wants; "" when nothing is known. Throws as answer().
    std::string authorize(const std::vector<std::string>& scopes);

    // After a 401 to a request that carried `used`: whether another try has better prospects. Throws
    // Error{unavailable} when the token server refuses or misbehaves.
    bool answer(const HeaderList& headers, const std::vector<std::string>& scopes, const std::string& used);

    // What to advise after a 401 or 403, by what was shown.
    std::string login_hint(bool shown, std::string_view host) const;
    bool has_credentials() const noexcept { return options_.credentials.has_value(); }
    // The text with every secret that was used so far taken out.
    std::string redact(std::string text) const;

  private:
    struct Token {
        std::string header;
        std::chrono::steady_clock::time_point expires;
    };

    std::string fetch_token(const Challenge& challenge, const std::vector<std::string>& scopes);
    // What a token server is shown.
    struct Shown {
        std::optional<Credentials> credentials;
        bool its_own = false;  // they are stored for its host, and not for the registry's
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
    mutable std::mutex mutex_;  // held while a token is fetched, so that it is fetched once
    std::optional<Challenge> bearer_;
    std::string basic_;
    std::map<std::string, Token> tokens_;  // by scopes
    mutable std::mutex secrets_mutex_;
    std::vector<std::string> secrets_;
};

}  // namespace osb::registry

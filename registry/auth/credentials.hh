// Where users keep the names and passwords of registries: containers-auth.json(5) and docker's config.json.
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace osb::registry {

// One user's way into a registry. Never printed.
struct Credentials {
    std::string user;
    std::string password;
    std::string identity_token;  // in place of a password: an OAuth refresh token

    bool operator==(const Credentials&) const = default;
    // "user:password". Throws Error{usage}, without repeating the text, when it has no colon or no user.
    static Credentials parse(const std::string& text);
};

// The files that are looked into.
struct CredentialFiles {
    std::string chosen;  // --authfile or $REGISTRY_AUTH_FILE: this one alone, and it must exist
    // In this order; one that does not exist is passed over. A name that ends in /.dockercfg stands for the
    // format before config.json, which is its member "auths" alone.
    std::vector<std::string> usual;
    // As containers-auth.json(5) orders them, from the environment. `authfile`: --authfile, or "".
    static CredentialFiles from_environment(const std::string& authfile);
};

// Looks up credentials. Threads may use it at once.
class CredentialStore {
  public:
    explicit CredentialStore(CredentialFiles files) : files_(std::move(files)) {}

    // For host[:port] and a repository's path there ("" for the host alone): the most specific entry wins
    // (host/a/b, host/a, host), the first file that has one decides. Within a file a helper for the host
    // comes first, then the entry itself, then the file's default helper. Nothing when there is none. A
    // helper that is absent is passed over; one that fails ends the search, with a warning. Either is put
    // into `problem`, where that is given and nothing was found: for the message of a registry that wants
    // credentials. Throws Error: a file that is malformed or cannot be read; messages hold no secret.
    std::optional<Credentials> lookup(const std::string& host, const std::string& path,
                                      std::string* problem = nullptr);

  private:
    CredentialFiles files_;
};

// Asks docker-credential-NAME for `server`; nothing when it has no entry. NAME may hold [A-Za-z0-9_-] alone.
// At most 64 KiB of output and 60 s are allowed. Throws Error.
std::optional<Credentials> ask_credential_helper(const std::string& name, const std::string& server);

}  // namespace osb::registry

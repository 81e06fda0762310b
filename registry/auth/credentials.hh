// Stored user names and passwords of registries: containers-auth.json(5) and docker's config.json.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace osb::registry {

// The credentials of a user for a registry. Never printed.
struct Credentials {
    std::string user;
    std::string password;
    std::string identity_token;  // an OAuth refresh token, instead of a password
    std::string registry_token;  // for the header Authorization as it is, instead of all others

    bool operator==(const Credentials&) const = default;
    // Parses "user:password". Throws Error{usage}, without the text, if the colon or the user is missing.
    static Credentials parse(const std::string& text);
};

// True for text that may follow "Bearer " in a header: printable, without spaces, at most 64 KiB.
bool is_token_text(std::string_view text);

// The files with credentials.
struct CredentialFiles {
    std::string chosen;  // --authfile or $REGISTRY_AUTH_FILE: the only file then, and it must exist
    // In order of precedence; missing files are skipped. A name that ends in /.dockercfg has the format
    // before config.json, which is only the object "auths".
    std::vector<std::string> usual;
    // The setting `credential-helpers` of registries.conf: where to search, in this order. kAuthFiles stands
    // for the files of `usual`. A chosen file is the only place.
    static constexpr const char* kAuthFiles = "containers-auth.json";
    std::vector<std::string> helpers{kAuthFiles};
    // The files in the order of containers-auth.json(5), from the environment. `authfile`: --authfile, or "".
    static CredentialFiles from_environment(const std::string& authfile);
};

// Looks up credentials. Thread-safe.
class CredentialStore {
  public:
    explicit CredentialStore(CredentialFiles files) : files_(std::move(files)) {}

    // Returns the credentials for host[:port] and the path of a repository ("" for the host alone), or
    // nullopt. The first helper or file with credentials wins. Within a file, the order is: a helper for the
    // host, the most specific entry (host/a/b, host/a, host), the default helper of the file. A missing
    // helper is skipped. A helper that fails ends the search with a warning. If nothing was found, `problem`
    // (unless null) receives the reason, for the message of a registry that requires credentials. Throws
    // Error if a file is malformed or cannot be read; the messages contain no secrets.
    std::optional<Credentials> lookup(const std::string& host, const std::string& path,
                                      std::string* problem = nullptr);

  private:
    CredentialFiles files_;
};

// Calls docker-credential-NAME for `server`. Returns nullopt if it has no entry. NAME may only have the
// characters [A-Za-z0-9_-]. The helper may write at most 64 KiB and run for at most 60 s. Throws Error.
std::optional<Credentials> ask_credential_helper(const std::string& name, const std::string& server);

// True for the command that it starts, whatever the NAME: what a sandbox allows (base/helper_process.hh).
bool is_credential_helper(const std::vector<std::string>& argv);

}  // namespace osb::registry

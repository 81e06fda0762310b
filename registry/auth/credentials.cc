#include "registry/auth/credentials.hh"

#include <unistd.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/base64.hh"
#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/log.hh"
#include "base/secret.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "registry/auth/configuration.hh"
#include "registry/auth/small_file.hh"

namespace osb::registry {
namespace {

using oci::Json;

constexpr std::size_t kMaxAuthFile = 1024UL * 1024;
constexpr std::size_t kMaxToken = 64UL * 1024;
constexpr std::string_view kLegacyName = "/.dockercfg";
constexpr const char* kDockerHubKey = "https://index.docker.io/v1/";

bool is_docker_hub(std::string_view host) {
    return host == "docker.io" || host == "index.docker.io" || host == "registry-1.docker.io";
}

// Normalises a key. The keys of old files are URLs: "https://host/v1/" means host.
std::string normalised(std::string_view key) {
    for (const std::string_view scheme : {"https://", "http://"}) {
        if (key.starts_with(scheme)) {
            key.remove_prefix(scheme.size());
            // The path of a URL names the API, not a repository.
            key = key.substr(0, key.find('/'));
        }
    }
    while (key.ends_with('/')) key.remove_suffix(1);
    const std::size_t slash = key.find('/');
    if (!is_docker_hub(key.substr(0, slash))) return std::string(key);
    return concat("docker.io", slash == std::string_view::npos ? "" : key.substr(slash));
}

// The content of the file, or nullopt if it does not exist.
std::optional<Json> read_auth_file(const std::string& path) {
    unsigned permissions = 0;
    const std::optional<std::string> content = read_small_file(path, kMaxAuthFile, &permissions);
    if (!content) return std::nullopt;
    forbid_core_dumps();
    const std::string& text = *content;
    if ((permissions & 077U) != 0) {
        log_warning(concat(quoted(path), " contains passwords, and other users can read it"));
    }
    if (text.find_first_not_of(" \t\r\n") == std::string::npos) return Json::object();
    std::optional<Json> out;
    try {
        out = oci::parse_json(text, path);
    } catch (const Error&) {
        // The parser's message may contain the input, which is secret here.
        refuse(path, "not valid JSON");
    }
    if (!out->is_object()) refuse(path, "not a JSON object");
    if (path.ends_with(kLegacyName)) return Json{{"auths", std::move(*out)}};
    for (const char* key : {"auths", "credHelpers"}) {
        const Json* value = oci::find_member(*out, key);
        if (value != nullptr && !value->is_object())
            refuse(path, concat("member ", quoted(key), " is not an object"));
    }
    return out;
}

// The Base64 of "user:password". Programs in Go ignore line breaks in it, which base64(1) writes after 76
// characters and at the end.
std::optional<std::string> decode_auth(std::string text) {
    std::erase_if(text, [](char c) { return c == '\n' || c == '\r'; });
    return decode_base64(text);
}

std::optional<Credentials> parse_entry(const Json& entry, const std::string& key, const std::string& path) {
    if (entry.is_null()) return std::nullopt;
    if (!entry.is_object()) refuse(path, concat("the entry of ", quoted(key), " is not an object"));
    Credentials out;
    out.identity_token = oci::optional_string(entry, "identitytoken", quoted(path));
    out.registry_token = oci::optional_string(entry, "registrytoken", quoted(path));
    // Other characters could end the header that contains the token.
    if (!out.registry_token.empty() && !is_token_text(out.registry_token))
        refuse(path, concat("the registrytoken of ", quoted(key), " is malformed"));
    const std::string auth = oci::optional_string(entry, "auth", quoted(path));
    if (!auth.empty()) {
        const std::optional<std::string> decoded = decode_auth(auth);
        if (!decoded) refuse(path, concat("the entry of ", quoted(key), " is malformed"));
        const std::size_t colon = decoded->find(':');
        if (colon == std::string::npos) {
            // docker and podman go on without it, and the registry may not need it.
            log_warning(concat(quoted(path), ": the entry of ", quoted(key), " has no USER:PASSWORD"));
            return std::nullopt;
        }
        out.user = decoded->substr(0, colon);
        out.password = decoded->substr(colon + 1);
        // Some versions of docker add trailing NUL bytes.
        while (out.password.ends_with('\0')) out.password.pop_back();
    } else {
        // Secrets of Kubernetes and files for crane have these instead.
        out.user = oci::optional_string(entry, "username", quoted(path));
        out.password = oci::optional_string(entry, "password", quoted(path));
    }
    if (out.user.empty() && out.identity_token.empty() && out.registry_token.empty()) return std::nullopt;
    return out;
}

// The keys of a repository, most specific first: host/a/b, host/a, host.
std::vector<std::string> keys_of(const std::string& host, const std::string& path) {
    std::string key = is_docker_hub(host) ? "docker.io" : host;
    const std::size_t shortest = key.size();
    if (!path.empty()) key += concat('/', path);
    std::vector<std::string> out{key};
    while (key.size() > shortest) {
        key.resize(key.rfind('/'));
        out.push_back(key);
    }
    return out;
}

// The result of the search in one file.
struct Answer {
    std::optional<Credentials> credentials;
    std::string problem;  // of a helper
    bool final = false;   // the helper may have the credentials, so do not search elsewhere
};

// Asks a helper. A configuration from another machine may name helpers that do not exist on this one.
// Registries without authentication still work then; an authentication failure reports the problem.
Answer ask_helper(const std::string& helper, const std::string& server, const std::string& path) {
    try {
        auto found = ask_credential_helper(helper, server);
        const bool done = found.has_value();
        return {.credentials = std::move(found), .problem = {}, .final = done};
    } catch (const Error& error) {
        const bool absent = error.kind() == ErrorKind::not_found;
        Answer out{.credentials = {},
                   .problem = concat(error.message(), ", which ", quoted(path), " names"),
                   .final = !absent};
        log(absent ? LogLevel::debug : LogLevel::warning, out.problem);
        return out;
    }
}

Answer lookup_in(const Json& file, const std::string& path, const std::string& host,
                 const std::vector<std::string>& keys) {
    Answer out;
    const std::string& own_key = keys.back();
    if (const Json* helpers = oci::find_member(file, "credHelpers")) {
        for (const auto& [key, helper] : helpers->items()) {
            if (normalised(key) != own_key) continue;
            if (!helper.is_string()) refuse(path, concat("the helper of ", quoted(key), " is not a string"));
            out = ask_helper(helper.get<std::string>(), key, path);
            if (out.final) return out;
        }
    }
    if (const Json* entries = oci::find_member(file, "auths")) {
        for (const std::string& wanted : keys) {
            for (const auto& [key, entry] : entries->items()) {
                if (normalised(key) != wanted) continue;
                out.credentials = parse_entry(entry, key, path);
                if (out.credentials) return out;
            }
        }
    }
    const std::string store = oci::optional_string(file, "credsStore", quoted(path));
    if (store.empty()) return out;
    Answer stored = ask_helper(store, own_key == "docker.io" ? kDockerHubKey : host, path);
    if (stored.problem.empty()) stored.problem = out.problem;
    return stored;
}

// Returns the answer. Remembers its secrets, and its problem unless there is an earlier one.
Answer noted(Answer answer, std::string* problem) {
    if (answer.credentials) {
        keep_secret(answer.credentials->password);
        keep_secret(answer.credentials->identity_token);
        keep_secret(answer.credentials->registry_token);
    } else if (problem != nullptr && problem->empty()) {
        *problem = answer.problem;
    }
    return answer;
}

Answer search_files(const std::vector<std::string>& files, const std::string& host,
                    const std::vector<std::string>& keys, std::string* problem) {
    for (const std::string& name : files) {
        std::optional<Json> file;
        try {
            file = read_auth_file(name);
        } catch (const Error& error) {
            // Skip an unreadable file, which may belong to another user.
            if (error.kind() != ErrorKind::io) throw;
            log_warning(error.message());
        }
        if (!file) continue;
        Answer answer = noted(lookup_in(*file, name, host, keys), problem);
        if (answer.credentials || answer.final) return answer;
    }
    return {};
}

}  // namespace

bool is_token_text(std::string_view text) {
    return !text.empty() && text.size() <= kMaxToken &&
           std::all_of(text.begin(), text.end(), [](char c) { return c > ' ' && c < 0x7f; });
}

Credentials Credentials::parse(const std::string& text) {
    const std::size_t colon = text.find(':');
    if (colon == std::string::npos || colon == 0) {
        throw Error(ErrorKind::usage, "credentials are not of the form USER:PASSWORD");
    }
    keep_secret(std::string_view(text).substr(colon + 1));
    return {.user = text.substr(0, colon), .password = text.substr(colon + 1), .identity_token = {}};
}

CredentialFiles CredentialFiles::from_environment(const std::string& authfile) {
    CredentialFiles out;
    out.chosen = authfile.empty() ? env("REGISTRY_AUTH_FILE") : authfile;
    const std::string home = env("HOME");
    std::string runtime = env("XDG_RUNTIME_DIR");
    if (runtime.empty()) runtime = concat("/run/containers/", ::getuid());
    std::string config = env("XDG_CONFIG_HOME");
    if (config.empty() && !home.empty()) config = home + "/.config";
    // Without $XDG_RUNTIME_DIR, `runtime` is already a directory for containers.
    out.usual.push_back(env("XDG_RUNTIME_DIR").empty() ? runtime + "/auth.json"
                                                       : runtime + "/containers/auth.json");
    if (!config.empty()) out.usual.push_back(config + "/containers/auth.json");
    const std::string docker = env("DOCKER_CONFIG");
    if (!docker.empty()) {
        out.usual.push_back(docker + "/config.json");
    } else if (!home.empty()) {
        out.usual.push_back(home + "/.docker/config.json");
    }
    if (!home.empty()) out.usual.push_back(concat(home, kLegacyName));
    // The credentials of an image-based system for its own updates.
    out.usual.emplace_back("/run/ostree/auth.json");
    out.usual.emplace_back("/etc/ostree/auth.json");
    return out;
}

std::optional<Credentials> CredentialStore::lookup(const std::string& host, const std::string& path,
                                                   std::string* problem) {
    const std::vector<std::string> keys = keys_of(host, path);
    if (!files_.chosen.empty()) {
        const std::optional<Json> file = read_auth_file(files_.chosen);
        if (!file) throw Error(ErrorKind::not_found, concat(quoted(files_.chosen), ": no such file"));
        return noted(lookup_in(*file, files_.chosen, host, keys), problem).credentials;
    }
    for (const std::string& helper : files_.helpers) {
        // Helpers know hosts, not repositories.
        Answer answer = helper == CredentialFiles::kAuthFiles
                            ? search_files(files_.usual, host, keys, problem)
                            : noted(ask_helper(helper, keys.back(), "registries.conf"), problem);
        if (answer.credentials || answer.final) return answer.credentials;
    }
    return std::nullopt;
}

}  // namespace osb::registry

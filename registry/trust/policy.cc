#include "registry/trust/policy.hh"

#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <initializer_list>
#include <nlohmann/json.hpp>

#include "base/base64.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "oci/documents/json.hh"
#include "oci/documents/json_members.hh"
#include "registry/auth/configuration.hh"
#include "registry/auth/small_file.hh"

namespace osb::registry {
namespace {

constexpr std::size_t kMaxRequirements = 1000;
constexpr std::size_t kMaxKeys = 100;

// Reads one policy file.
class PolicyParser {
  public:
    explicit PolicyParser(const std::string& what) : what_(what) {}

    void only_members(const oci::Json& object, std::initializer_list<std::string_view> allowed) const {
        oci::require_only_members(object, allowed, what_);
    }

    PolicyRequirements requirements(const oci::Json& list) const {
        if (!list.is_array() || list.empty()) fail("a list of requirements is empty or not a list");
        if (list.size() > kMaxRequirements) fail("too many requirements");
        PolicyRequirements out;
        for (const oci::Json& one : list) out.push_back(requirement(one));
        return out;
    }

    [[noreturn]] void fail(const std::string& problem) const {
        throw Error(ErrorKind::invalid, concat(what_, ": ", problem));
    }

  private:
    PolicyRequirement requirement(const oci::Json& value) const {
        oci::require_object(value, what_);
        const std::string& type = oci::required_string(value, "type", what_);
        using Kind = PolicyRequirement::Kind;
        if (type == "insecureAcceptAnything" || type == "reject") {
            only_members(value, {"type"});
            return {.kind = type == "reject" ? Kind::reject : Kind::accept_anything};
        }
        if (type == "sigstoreSigned") return sigstore_signed(value);
        if (type == "signedBy") return signed_by(value);
        if (type == "signedBaseLayer") return {.kind = Kind::unsupported, .problem = "'signedBaseLayer'"};
        fail(concat("unknown type of requirement ", quoted(type)));
    }

    PolicyRequirement signed_by(const oci::Json& value) const {
        only_members(value, {"type", "keyType", "keyPath", "keyPaths", "keyData", "signedIdentity"});
        if (value.contains("signedIdentity")) identity(value.at("signedIdentity"));
        return {.kind = PolicyRequirement::Kind::unsupported, .problem = "'signedBy' (GPG signatures)"};
    }

    PolicyRequirement sigstore_signed(const oci::Json& value) const {
        only_members(value, {"type", "keyPath", "keyPaths", "keyData", "keyDatas", "fulcio", "pki",
                             "rekorPublicKeyPath", "rekorPublicKeyPaths", "rekorPublicKeyData",
                             "rekorPublicKeyDatas", "signedIdentity"});
        PolicyRequirement out{.kind = PolicyRequirement::Kind::sigstore_signed};
        for (const char* key : {"fulcio", "pki", "rekorPublicKeyPath", "rekorPublicKeyPaths",
                                "rekorPublicKeyData", "rekorPublicKeyDatas"}) {
            if (!value.contains(key)) continue;
            return {.kind = PolicyRequirement::Kind::unsupported,
                    .problem = concat("'", key, "' of 'sigstoreSigned'")};
        }
        int sources = 0;
        for (const char* key : {"keyPath", "keyPaths", "keyData", "keyDatas"}) sources += value.contains(key);
        if (sources != 1)
            fail("'sigstoreSigned' needs exactly one of keyPath, keyPaths, keyData and keyDatas");
        if (value.contains("keyPath")) out.key_paths = {oci::required_string(value, "keyPath", what_)};
        if (value.contains("keyData")) out.keys = {decoded(oci::required_string(value, "keyData", what_))};
        out.key_paths = several(value, "keyPaths", std::move(out.key_paths));
        for (const std::string& data : several(value, "keyDatas", {})) out.keys.push_back(decoded(data));
        if (value.contains("signedIdentity")) out.identity = identity(value.at("signedIdentity"));
        return out;
    }

    std::vector<std::string> several(const oci::Json& value, const char* key,
                                     std::vector<std::string> otherwise) const {
        if (!value.contains(key)) return otherwise;
        std::vector<std::string> out = oci::optional_strings(value, key, kMaxKeys, what_);
        if (out.empty()) fail(concat("'", key, "' is empty"));
        return out;
    }

    std::string decoded(const std::string& text) const {
        std::optional<std::string> out = decode_base64(text);
        if (!out) fail("key data is not Base64");
        return *out;
    }

    SignedIdentity identity(const oci::Json& value) const {
        oci::require_object(value, what_);
        const std::string& type = oci::required_string(value, "type", what_);
        const auto operand = [&](const char* key) {
            only_members(value, {"type", key});
            return oci::required_string(value, key, what_);
        };
        if (type == "exactReference")
            return {.rule = IdentityRule::exact_reference,
                    .operand = checked(operand("dockerReference"), /*needs_tag=*/true)};
        if (type == "exactRepository")
            return {.rule = IdentityRule::exact_repository,
                    .operand = checked(operand("dockerRepository"), /*needs_tag=*/false)};
        if (type == "remapIdentity") {
            only_members(value, {"type", "prefix", "signedPrefix"});
            return {.rule = IdentityRule::remap_identity,
                    .operand = name_prefix(oci::required_string(value, "prefix", what_)),
                    .signed_prefix = name_prefix(oci::required_string(value, "signedPrefix", what_))};
        }
        only_members(value, {"type"});
        if (type == "matchExact") return {.rule = IdentityRule::match_exact};
        if (type == "matchRepoDigestOrExact") return {.rule = IdentityRule::match_repo_digest_or_exact};
        if (type == "matchRepository") return {.rule = IdentityRule::match_repository};
        if (type == "matchDigest") return {.rule = IdentityRule::match_digest};
        fail(concat("unknown type of signedIdentity ", quoted(type)));
    }

    // A host, or a name without tag and digest.
    std::string name_prefix(const std::string& prefix) const {
        const std::string_view host_and_path = prefix;
        const std::size_t colon = host_and_path.rfind(':');
        const bool has_tag = colon != std::string_view::npos && host_and_path.find('/') < colon;
        if (has_tag || prefix.empty() || prefix.ends_with('/') || prefix.find('@') != std::string::npos)
            fail(concat(quoted(prefix), " is not a prefix of names"));
        const bool is_host = prefix.find('/') == std::string::npos;
        if (!is_host) return checked(prefix, /*needs_tag=*/false);
        checked(prefix + "/name", /*needs_tag=*/false);
        return prefix;
    }

    std::string checked(const std::string& name, bool needs_tag) const {
        const DockerName parsed = DockerName::parse(name);
        const bool has_tag = !parsed.tag.empty() || !parsed.digest.empty();
        if (has_tag != needs_tag)
            fail(concat(quoted(name),
                        needs_tag ? " has neither a tag nor a digest" : " has a tag or a digest"));
        return name;
    }

    const std::string& what_;
};

bool has_paths_as_scopes(std::string_view transport) {
    return transport == "oci" || transport == "oci-archive" || transport == "dir";
}

// A scope that no image can have would silently leave its images to a wider one.
void check_scope(const PolicyParser& parser, std::string_view transport, const std::string& scope) {
    if (scope.empty()) return;
    if (transport == "docker-archive" || transport == "tarball")
        parser.fail(concat("'", transport, "' has only the scope \"\", not ", quoted(scope)));
    if (!has_paths_as_scopes(transport)) return;
    const bool is_clean = std::filesystem::path(scope).lexically_normal().string() == scope;
    if (!scope.starts_with('/') || scope == "/" || scope.ends_with('/') || !is_clean)
        parser.fail(concat(quoted(scope), " is not a clean absolute path below \"/\""));
}

void add_docker_scopes(std::vector<std::string>& out, const oci::Reference& image) {
    const std::string& name = image.location;
    out.push_back(image.digest.empty() ? concat(name, ':', image.tag.empty() ? "latest" : image.tag)
                                       : concat(name, '@', image.digest));
    for (std::string rest = name;; rest.resize(rest.rfind('/'))) {
        out.push_back(rest);
        if (rest.find('/') == std::string::npos) break;
    }
    std::string host = out.back();
    host.resize(std::min(host.size(), host.find(':')));
    for (std::size_t dot = host.find('.'); dot != std::string::npos; dot = host.find('.', dot + 1))
        out.push_back(concat('*', host.substr(dot)));
}

void add_path_scopes(std::vector<std::string>& out, const std::string& location) {
    namespace fs = std::filesystem;
    std::error_code error;
    std::string path = fs::weakly_canonical(location, error).string();
    if (error || !path.starts_with('/')) return;
    while (path.size() > 1) {
        out.push_back(path);
        path.resize(path.rfind('/'));
    }
}

}  // namespace

std::vector<std::string> policy_scopes(const oci::Reference& image) {
    std::vector<std::string> out;
    switch (image.transport) {
        case oci::Transport::docker_daemon:
            if (image.location.empty()) break;  // the id of an image
            [[fallthrough]];
        case oci::Transport::docker:
            add_docker_scopes(out, image);
            break;
        case oci::Transport::oci:
        case oci::Transport::oci_archive:
        case oci::Transport::directory:
            add_path_scopes(out, image.location);
            break;
        default:
            break;
    }
    return out;
}

Policy Policy::parse(std::string_view text, const std::string& what) {
    const PolicyParser parser(what);
    const oci::Json root = oci::parse_json(text, what);
    parser.only_members(root, {"default", "transports"});
    Policy out;
    if (!root.contains("default")) parser.fail("'default' is missing");
    out.default_ = parser.requirements(root.at("default"));
    if (!root.contains("transports")) return out;
    oci::require_object(root.at("transports"), what);
    for (const auto& [transport, scopes] : root.at("transports").items()) {
        oci::require_object(scopes, what);
        for (const auto& [scope, requirements] : scopes.items()) {
            check_scope(parser, transport, scope);
            out.transports_[transport].emplace(scope, parser.requirements(requirements));
        }
    }
    // The scopes of this transport name stores. An image must not escape its scope because it is not looked
    // up.
    const auto storage = out.transports_.find("containers-storage");
    const bool has_scopes = storage != out.transports_.end() && !storage->second.rbegin()->first.empty();
    if (has_scopes) {
        storage->second[""] = {
            {.kind = PolicyRequirement::Kind::unsupported, .problem = "scopes of 'containers-storage'"}};
    }
    return out;
}

std::optional<Policy> Policy::read(const std::string& path) {
    if (!path.empty()) {
        const std::optional<std::string> text = read_small_file(path, kMaxFile);
        if (!text) throw Error(ErrorKind::not_found, concat("there is no policy ", quoted(path)));
        return parse(*text, concat("policy ", quoted(path)));
    }
    const std::string home = env("HOME");
    const std::string own = home + "/.config/containers/policy.json";
    for (const std::string& place : {own, std::string("/etc/containers/policy.json")}) {
        // A home that this user may not enter is another user's, left in the environment.
        const bool is_foreign = place == own && (home.empty() || ::access(home.c_str(), X_OK) != 0);
        if (is_foreign) continue;
        if (const std::optional<std::string> text = read_small_file(place, kMaxFile))
            return parse(*text, concat("policy ", quoted(place)));
    }
    return std::nullopt;
}

const PolicyRequirements& Policy::requirements_for(const oci::Reference& image) const {
    const auto transport = transports_.find(oci::to_string(image.transport));
    if (transport == transports_.end()) return default_;
    for (const std::string& scope : policy_scopes(image)) {
        if (const auto found = transport->second.find(scope); found != transport->second.end())
            return found->second;
    }
    const auto all = transport->second.find("");
    return all == transport->second.end() ? default_ : all->second;
}

}  // namespace osb::registry

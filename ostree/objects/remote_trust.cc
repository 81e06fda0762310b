#include "ostree/objects/remote_trust.hh"

#include <algorithm>
#include <utility>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "base/helper_call.hh"
#include "base/interrupt.hh"
#include "base/log.hh"
#include "ostree/objects/commit_signature.hh"
#include "ostree/objects/gpg_outside.hh"
#include "ostree/objects/gpg_signature.hh"
#include "ostree/objects/gpg_support.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {
namespace {

constexpr const char* kAddHint =
    "'ostree remote add --sign-verify=ed25519=inline:KEY' or '--gpg-import=FILE' configures one";

// Each starts gpg.
constexpr std::size_t kMaxGpgSignatures = 100;

std::vector<registry::PublicKey> to_public_keys(const Ed25519Keys& keys) {
    std::vector<registry::PublicKey> out;
    out.reserve(keys.size());
    for (const std::string& key : keys) out.push_back(registry::PublicKey::from_ed25519(key, "a key"));
    return out;
}

// The kinds in the value of sign-verify. `ostree remote add` separates them with a comma, key files with a
// semicolon.
bool names_ed25519(std::string_view list) {
    while (!list.empty()) {
        const std::size_t end = std::min(list.find_first_of(";,"), list.size());
        if (list.substr(0, end) == "ed25519") return true;
        list.remove_prefix(std::min(end + 1, list.size()));
    }
    return false;
}

}  // namespace

bool is_remote_name(const std::string& name) {
    GErrorSlot error;
    // The pattern of libostree ends in '$', which also matches before a last newline.
    return name.find_first_of(std::string_view("\0\n", 2)) == std::string::npos &&
           ostree_validate_remote_name(name.c_str(), error.out()) != 0;
}

RemoteTrust::RemoteTrust(const Repository& repository, std::string remote,
                         const std::vector<std::string>& key_directories)
    : repository_(repository), remote_(std::move(remote)) {
    if (!is_remote_name(remote_))
        throw Error(ErrorKind::usage, concat("not a name for a remote: ", quoted(remote_)));
    gpg_ = wants_gpg();
    try {
        read_sign_verify(key_directories);
    } catch (Error& error) {
        if (error.kind() == ErrorKind::untrusted) throw;
        // Without its keys, nothing is trusted.
        throw refusal(error.message());
    }
    if (gpg_ || ed25519_) return;
    throw refusal("it verifies no commits: neither gpg-verify nor sign-verify is on").hint(kAddHint);
}

Error RemoteTrust::refusal(std::string_view problem) const {
    return {ErrorKind::untrusted, concat("remote ", quoted(remote_), ": ", problem)};
}

std::optional<std::string> RemoteTrust::option(const std::string& key) const {
    char* value = nullptr;
    GErrorSlot error;
    if (ostree_repo_get_remote_option(repository_.handle().repo.get(), remote_.c_str(), key.c_str(), nullptr,
                                      &value, error.out()) == 0) {
        if (error.matches(G_IO_ERROR, G_IO_ERROR_NOT_FOUND)) {
            throw refusal(concat("the repository ", quoted(repository_.path()), " does not have it"))
                .hint(kAddHint);
        }
        error.raise(concat("remote ", quoted(remote_)));
    }
    const GStringPtr owned(value);
    if (value == nullptr || *value == '\0') return std::nullopt;
    return value;
}

bool RemoteTrust::wants_gpg() const {
    const std::optional<std::string> value = option("gpg-verify");
    if (!has_gpg()) {
        // The default of a libostree without GPG is not to verify.
        if (!value || *value == "false" || *value == "0") return false;
        throw refusal("gpg-verify is on, and this libostree was built without GPG");
    }
    gboolean out = TRUE;
    GErrorSlot error;
    error.check(ostree_repo_remote_get_gpg_verify(repository_.handle().repo.get(), remote_.c_str(), &out,
                                                  error.out()) != 0,
                concat("remote ", quoted(remote_)));
    return out != FALSE;
}

Ed25519Keys RemoteTrust::keys_of_remote() const {
    Ed25519Keys out;
    if (const auto file = option("verification-ed25519-file")) out = read_ed25519_keys(*file);
    if (const auto key = option("verification-ed25519-key"))
        out.merge(parse_ed25519_keys(*key, "verification-ed25519-key"));
    return out;
}

void RemoteTrust::read_sign_verify(const std::vector<std::string>& key_directories) {
    const std::string value = option("sign-verify").value_or("false");
    if (value == "false" || value == "0") return;
    const bool any_kind = value == "true" || value == "1";
    if (!any_kind && !names_ed25519(value)) {
        throw refusal(
            concat("sign-verify=", escape(value), " asks for signatures that osb-oci does not verify"))
            .hint("osb-oci verifies Ed25519 (sign-verify=ed25519) and GPG");
    }
    Ed25519Keys trusted = keys_of_remote();
    if (trusted.empty() && any_kind)
        trusted = read_ed25519_key_directories(key_directories, "trusted.ed25519");
    if (trusted.empty())
        throw refusal("sign-verify is on, and there are no Ed25519 keys for it").hint(kAddHint);
    const Ed25519Keys revoked = read_ed25519_key_directories(key_directories, "revoked.ed25519");
    std::erase_if(trusted, [&](const std::string& key) { return revoked.contains(key); });
    ed25519_ = true;
    keys_ = to_public_keys(trusted);
    revoked_ = to_public_keys(revoked);
}

void RemoteTrust::verify(const CommitId& commit, std::string_view commit_object,
                         std::string_view detached) const {
    if (CommitId(sha256(as_bytes(commit_object))) != commit)
        throw Error(ErrorKind::digest_mismatch, concat("these are not the bytes of the commit ", commit));
    if (detached.empty()) throw refusal(concat("commit ", commit, " is not signed"));
    if (ed25519_) verify_ed25519(commit, commit_object, detached);
    if (gpg_) verify_gpg(commit, commit_object, detached);
}

void RemoteTrust::verify_stored(const CommitId& commit) const {
    verify(commit, read_commit_object(repository_, commit), read_detached_metadata(repository_, commit));
}

void RemoteTrust::verify_ed25519(const CommitId& commit, std::string_view commit_object,
                                 std::string_view detached) const {
    const auto signer = find_commit_signer(commit_object, detached, keys_);
    if (signer) {
        log_debug(concat("commit ", commit, " is signed by the Ed25519 key ", signer->fingerprint()));
        return;
    }
    if (find_commit_signer(commit_object, detached, revoked_))
        throw refusal(concat("commit ", commit, " is signed by a revoked key"));
    throw refusal(concat("commit ", commit, " has no Ed25519 signature by a trusted key"));
}

// Each signature on its own: libostree refuses all of them if one is malformed.
void RemoteTrust::verify_gpg(const CommitId& commit, std::string_view commit_object,
                             std::string_view detached) const {
    const std::vector<std::string> signatures = read_signatures(detached, kGpgSignatures);
    std::string problem = concat("commit ", commit, " has no GPG signature");
    for (std::size_t i = 0; i < std::min(signatures.size(), kMaxGpgSignatures); ++i) {
        check_interrupt();
        const std::string reason = problem_with_gpg(commit_object, signatures[i]);
        if (reason.empty()) return;
        if (i == 0) problem = concat("commit ", commit, ": ", reason);
    }
    throw refusal(problem);
}

std::string RemoteTrust::problem_with_gpg(std::string_view commit_object, std::string_view signature) const {
    if (has_helper()) return call_helper(kGpgVerify, gpg_input(commit_object, signature));
    return gpg_problem(repository_, remote_, commit_object, signature);
}

}  // namespace osb::ostree

// The signatures of commits that the configuration of an ostree remote requires (ostree.repo-config(5)).
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ed25519_key_list.hh"
#include "ostree/objects/repository.hh"
#include "registry/trust/signing_key.hh"

namespace osb::ostree {

// The requirements of one remote. libostree may lack Ed25519, so this class verifies it itself, by
// libostree's rules:
// - gpg-verify, which is on by default: a GPG signature by a key of the remote's keyring;
// - sign-verify=true: an Ed25519 signature by a key of verification-ed25519-key or -file, or without both by
// a
//   key of /etc/ostree/trusted.ed25519 and the like; sign-verify=ed25519: only the former.
// If both are on, both are required. Other than in libostree, keys in revoked.ed25519 never count, not even
// those of the remote.
class RemoteTrust {
  public:
    // Reads the configuration and the keys. `repository` is borrowed. `key_directories`: as
    // ed25519_key_directories(). Throws Error{untrusted} with advice for a remote that is not configured,
    // verifies nothing, or requires a kind of signature that osb-oci does not verify, and for keys that
    // cannot be read.
    RemoteTrust(const Repository& repository, std::string remote,
                const std::vector<std::string>& key_directories = ed25519_key_directories());

    // Throws Error{untrusted} unless the detached metadata ("" for none) have the required signatures of the
    // commit, whose checksum must be `commit`. At most the first 100 GPG signatures are verified.
    // Otherwise as find_commit_signer().
    void verify(const CommitId& commit, std::string_view commit_object, std::string_view detached) const;
    // The same for a commit of the repository and the detached metadata that it has there. Throws
    // Error{not_found} if the repository lacks the commit.
    void verify_stored(const CommitId& commit) const;

    const std::string& remote() const noexcept { return remote_; }

  private:
    std::optional<std::string> option(const std::string& key) const;
    bool wants_gpg() const;
    void read_sign_verify(const std::vector<std::string>& key_directories);
    Ed25519Keys keys_of_remote() const;
    void verify_ed25519(const CommitId& commit, std::string_view commit_object,
                        std::string_view detached) const;
    void verify_gpg(const CommitId& commit, std::string_view commit_object, std::string_view detached) const;
    // "" if it is a good signature by a key of the remote.
    std::string problem_with_gpg(std::string_view commit_object, std::string_view signature) const;
    Error refusal(std::string_view problem) const;

    const Repository& repository_;
    std::string remote_;
    bool gpg_ = false;
    bool ed25519_ = false;
    std::vector<registry::PublicKey> keys_;
    std::vector<registry::PublicKey> revoked_;
};

// True if libostree accepts `name` for a remote: letters, digits, and '-', '.' and '_' behind the first of
// them.
bool is_remote_name(const std::string& name);

}  // namespace osb::ostree

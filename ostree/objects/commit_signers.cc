#include "ostree/objects/commit_signers.hh"

#include "base/error.hh"
#include "base/escape.hh"
#include "base/helper_call.hh"
#include "ostree/objects/commit_signature.hh"
#include "ostree/objects/detached_metadata.hh"
#include "ostree/objects/gpg_outside.hh"
#include "ostree/objects/gpg_signature.hh"
#include "ostree/objects/gpg_support.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {
namespace {

// In a sandbox the helper signs.
bool add_gpg_signature(const Repository& repository, const CommitId& commit, const CommitSigners& signers,
                       std::size_t key) {
    if (!has_helper()) return sign_with_gpg(repository, commit, signers.gpg_keys[key], signers.gpg_homedir);
    const std::string detached = call_helper(
        kGpgSign,
        gpg_input(read_commit_object(repository, commit), read_detached_metadata(repository, commit), key));
    if (!detached.empty()) replace_detached_metadata(repository, commit, detached);
    return !detached.empty();
}

std::size_t count_ed25519(const Repository& repository, const CommitId& commit) {
    return read_signatures(read_detached_metadata(repository, commit), kEd25519Signatures).size();
}

// A full list takes no more signatures.
void require_signatures(const Repository& repository, const CommitId& commit,
                        const std::vector<registry::PrivateKey>& keys) {
    const std::string object = read_commit_object(repository, commit);
    const std::string detached = read_detached_metadata(repository, commit);
    for (const registry::PrivateKey& key : keys) {
        if (find_commit_signer(object, detached, {key.public_key()})) continue;
        throw Error(ErrorKind::too_large, concat("the commit ", commit, " has ", kMaxCommitSignatures,
                                                 " signatures already, which is the limit"));
    }
}

}  // namespace

void check_signers(const CommitSigners& signers) {
    for (const registry::PrivateKey& key : signers.keys) {
        if (!key.public_key().ed25519_bytes())
            throw Error(ErrorKind::usage, "commits are signed with Ed25519 keys only")
                .hint("make one with 'openssl genpkey -algorithm ED25519'");
    }
    if (!signers.gpg_keys.empty() && !has_gpg())
        throw Error(ErrorKind::unsupported, "this libostree was built without GPG");
}

std::size_t sign_commit(const Repository& repository, Transaction& transaction, const CommitId& commit,
                        const CommitSigners& signers) {
    std::size_t added = 0;
    if (!signers.keys.empty()) {
        const std::size_t before = count_ed25519(repository, commit);
        transaction.add_detached_metadata(
            commit, sign_commit_object(read_commit_object(repository, commit), signers.keys),
            Preferred::present);
        added = count_ed25519(repository, commit) - before;
        require_signatures(repository, commit, signers.keys);
    }
    for (std::size_t key = 0; key < signers.gpg_keys.size(); ++key)
        added += add_gpg_signature(repository, commit, signers, key) ? 1 : 0;
    return added;
}

std::size_t sign_stored_commit(Repository& repository, const CommitId& commit, const CommitSigners& signers) {
    if (signers.empty()) return 0;
    Transaction transaction(repository);
    transaction.lock_refs();
    const std::size_t added = sign_commit(repository, transaction, commit, signers);
    if (added > 0) transaction.commit();
    return added;
}

}  // namespace osb::ostree

#include "ostree/objects/commit_signers.hh"

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/objects/commit_signature.hh"
#include "ostree/objects/gpg_support.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {
namespace {

// Returns false if the key has signed the commit before.
bool sign_with_gpg(const Repository& repository, const CommitId& commit, const std::string& key,
                   const std::string& homedir) {
    GErrorSlot error;
    const char* const home = homedir.empty() ? nullptr : homedir.c_str();
    if (ostree_repo_sign_commit(repository.handle().repo.get(), commit.c_str(), key.c_str(), home, nullptr,
                                error.out()) != 0)
        return true;
    if (error.matches(G_IO_ERROR, G_IO_ERROR_EXISTS)) return false;
    error.raise(concat("cannot sign with the GPG key ", quoted(key)));
}

std::size_t count_ed25519(const Repository& repository, const CommitId& commit) {
    return read_signatures(read_detached_metadata(repository, commit), kEd25519Signatures).size();
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
    }
    for (const std::string& key : signers.gpg_keys)
        added += sign_with_gpg(repository, commit, key, signers.gpg_homedir) ? 1 : 0;
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

// The keys that sign a new commit.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"
#include "registry/trust/signing_key.hh"

namespace osb::ostree {

class Transaction;

struct CommitSigners {
    std::vector<registry::PrivateKey> keys;  // of the kind Ed25519
    std::vector<std::string> gpg_keys;       // names of keys as gpg takes them
    std::string gpg_homedir;                 // "": that of the user

    bool empty() const noexcept { return keys.empty() && gpg_keys.empty(); }
};

// Throws Error: usage if a key is not an Ed25519 key; unsupported if there are GPG keys and libostree was
// built without GPG. Call it before any work.
void check_signers(const CommitSigners& signers);

// Adds signatures to the commit, which may be one that the transaction writes. They are stored with the
// transaction. A key that has signed adds nothing. Returns the number of new signatures. Hold lock_refs(), so
// that concurrent signatures are not lost. Throws Error{io} if gpg does not sign.
std::size_t sign_commit(const Repository& repository, Transaction& transaction, const CommitId& commit,
                        const CommitSigners& signers);

// The same in a transaction of its own. Durable on return. Changes nothing if all have signed.
std::size_t sign_stored_commit(Repository& repository, const CommitId& commit, const CommitSigners& signers);

}  // namespace osb::ostree

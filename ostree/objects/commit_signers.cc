#include "ostree/objects/commit_signers.hh"

#include <algorithm>

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/objects/commit_signature.hh"
#include "ostree/objects/gpg_support.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {
namespace {

// The fingerprints of the keys of all GPG signatures, which need not be known, in the order of the
// signatures.
std::vector<std::string> gpg_fingerprints(OstreeRepo* repo, const CommitId& commit) {
    GErrorSlot error;
    const GObjectPtr<OstreeGpgVerifyResult> result(
        ostree_repo_verify_commit_ext(repo, commit.c_str(), nullptr, nullptr, nullptr, error.out()));
    error.check(result != nullptr, concat("cannot read the GPG signatures of ", commit));
    std::vector<std::string> out;
    OstreeGpgSignatureAttr wanted = OSTREE_GPG_SIGNATURE_ATTR_FINGERPRINT;
    for (guint i = 0; i < ostree_gpg_verify_result_count_all(result.get()); ++i) {
        const GVariantPtr values = take(ostree_gpg_verify_result_get(result.get(), i, &wanted, 1));
        const char* fingerprint = nullptr;
        g_variant_get_child(values.get(), 0, "&s", &fingerprint);
        out.emplace_back(fingerprint);
    }
    return out;
}

void replace_detached_metadata(OstreeRepo* repo, const CommitId& commit, std::string_view detached) {
    const GVariantPtr metadata = variant_from_bytes(G_VARIANT_TYPE_VARDICT, as_bytes(detached), false);
    GErrorSlot error;
    error.check(ostree_repo_write_commit_detached_metadata(repo, commit.c_str(), metadata.get(), nullptr,
                                                           error.out()) != 0,
                "cannot write the commit's detached metadata");
}

// Returns false if the key has signed the commit before. libostree notices that only if it finds the public
// key in a keyring of the older form, and two GPG signatures by one key are not the same bytes. So the new
// one is dropped, before the transaction stores it. `key` may be any name that gpg takes.
bool sign_with_gpg(const Repository& repository, const CommitId& commit, const std::string& key,
                   const std::string& homedir) {
    OstreeRepo* const repo = repository.handle().repo.get();
    const std::string before = read_detached_metadata(repository, commit);
    GErrorSlot error;
    const char* const home = homedir.empty() ? nullptr : homedir.c_str();
    if (ostree_repo_sign_commit(repo, commit.c_str(), key.c_str(), home, nullptr, error.out()) == 0) {
        if (error.matches(G_IO_ERROR, G_IO_ERROR_EXISTS)) return false;
        error.raise(concat("cannot sign with the GPG key ", quoted(key)));
    }
    const std::vector<std::string> signers = gpg_fingerprints(repo, commit);
    if (signers.empty() || std::find(signers.begin(), signers.end() - 1, signers.back()) == signers.end() - 1)
        return true;
    replace_detached_metadata(repo, commit, before);
    return false;
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

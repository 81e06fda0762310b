#include "ostree/objects/gpg_signature.hh"

#include <algorithm>
#include <memory>
#include <vector>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/objects/commit_signature.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {
namespace {

struct GBytesDeleter {
    void operator()(GBytes* bytes) const noexcept { g_bytes_unref(bytes); }
};
using GBytesPtr = std::unique_ptr<GBytes, GBytesDeleter>;

GBytesPtr copy_bytes(std::string_view text) {
    return GBytesPtr(g_bytes_new(text.data(), text.size()));
}

// Detached metadata with this signature only.
std::string one_gpg_signature(std::string_view signature) {
    GVariantBuilder list;
    g_variant_builder_init(&list, G_VARIANT_TYPE_BYTESTRING_ARRAY);
    g_variant_builder_add_value(&list, byte_array(as_bytes(signature)));
    GVariantBuilder dict;
    g_variant_builder_init(&dict, G_VARIANT_TYPE_VARDICT);
    g_variant_builder_add(&dict, "{sv}", std::string(kGpgSignatures).c_str(), g_variant_builder_end(&list));
    const GVariantPtr out = take(g_variant_builder_end(&dict));
    return std::string(as_text(bytes_of(out.get())));
}

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

}  // namespace

void replace_detached_metadata(const Repository& repository, const CommitId& commit,
                               std::string_view detached) {
    const GVariantPtr metadata = variant_from_bytes(G_VARIANT_TYPE_VARDICT, as_bytes(detached), false);
    GErrorSlot error;
    error.check(ostree_repo_write_commit_detached_metadata(repository.handle().repo.get(), commit.c_str(),
                                                           metadata.get(), nullptr, error.out()) != 0,
                "cannot write the commit's detached metadata");
}

// libostree notices a key that has signed before only if it finds the public key in a keyring of the older
// form, and two GPG signatures by one key are not the same bytes. So the new one is dropped, before the
// transaction stores it.
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
    replace_detached_metadata(repository, commit, before);
    return false;
}

std::string gpg_problem(const Repository& repository, const std::string& remote,
                        std::string_view commit_object, std::string_view signature) {
    const GBytesPtr data = copy_bytes(commit_object);
    const GBytesPtr metadata = copy_bytes(one_gpg_signature(signature));
    char* results = nullptr;
    GErrorSlot error;
    const bool ok = ostree_repo_signature_verify_commit_data(
                        repository.handle().repo.get(), remote.c_str(), data.get(), metadata.get(),
                        OSTREE_REPO_VERIFY_FLAGS_NO_SIGNAPI, &results, error.out()) != 0;
    const GStringPtr owned(results);
    if (ok) return {};
    try {
        error.raise("GPG");
    } catch (const Error& raised) {
        return raised.message();
    }
}

}  // namespace osb::ostree

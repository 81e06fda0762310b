#include "ostree/objects/gpg_outside.hh"

#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/bytes.hh"
#include "base/error.hh"
#include "base/hash.hh"
#include "base/sandbox.hh"
#include "base/scratch_directory.hh"
#include "base/temporary_directory.hh"
#include "ostree/objects/detached_metadata.hh"
#include "ostree/objects/gpg_signature.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {
namespace {

struct GpgRequestHead {
    std::uint64_t key = 0;
    std::uint64_t commit_size = 0;
};

struct GpgRequest {
    std::size_t key;
    std::string_view commit_object;
    std::string_view other;
};

GpgRequest parse_request(std::string_view text) {
    GpgRequestHead head;
    if (text.size() < sizeof head) throw Error(ErrorKind::internal, "a request without a head");
    std::memcpy(&head, text.data(), sizeof head);
    text.remove_prefix(sizeof head);
    if (head.commit_size > text.size()) throw Error(ErrorKind::internal, "a request that was cut");
    return {.key = head.key,
            .commit_object = text.substr(0, head.commit_size),
            .other = text.substr(head.commit_size)};
}

}  // namespace

std::string gpg_input(std::string_view commit_object, std::string_view other, std::size_t key) {
    const GpgRequestHead head{.key = key, .commit_size = commit_object.size()};
    std::string out(sizeof head, '\0');
    std::memcpy(out.data(), &head, sizeof head);
    return out.append(commit_object).append(other);
}

std::string gpg_verify_outside(const std::string& repository, const std::string& remote,
                               const std::string& input) {
    const std::string directory = temporary_directory();
    // The process has one thread. libostree and gpg put their temporary keyrings there.
    if (::setenv("TMPDIR", directory.c_str(), 1) != 0) throw_errno("cannot set TMPDIR");  // NOLINT
    limit_writes(directory);
    const GpgRequest parts = parse_request(input);
    return gpg_problem(Repository::open(repository), remote, parts.commit_object, parts.other);
}

std::string gpg_sign_outside(const CommitSigners& signers, const std::string& input) {
    const GpgRequest parts = parse_request(input);
    if (parts.key >= signers.gpg_keys.size()) throw Error(ErrorKind::internal, "there is no such key");
    const CommitId commit(sha256(as_bytes(parts.commit_object)));
    // The commit is not in the repository yet, and this process does not touch it. The temporary directory of
    // the run belongs to the other process, which could put links into the way.
    set_temporary_directory("");
    const ScratchDirectory scratch;
    const Repository repository = Repository::create(scratch.path() + "/repo", RepoMode::archive);
    OstreeRepo* const repo = repository.handle().repo.get();
    const GVariantPtr object =
        variant_from_bytes(OSTREE_COMMIT_GVARIANT_FORMAT, as_bytes(parts.commit_object), false);
    GErrorSlot error;
    error.check(ostree_repo_write_metadata(repo, OSTREE_OBJECT_TYPE_COMMIT, commit.c_str(), object.get(),
                                           nullptr, nullptr, error.out()) != 0,
                "cannot store the commit to sign");
    if (!parts.other.empty()) replace_detached_metadata(repository, commit, parts.other);
    if (!sign_with_gpg(repository, commit, signers.gpg_keys[parts.key], signers.gpg_homedir)) return {};
    return read_detached_metadata(repository, commit);
}

}  // namespace osb::ostree

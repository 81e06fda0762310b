#include "ostree/push/push_source.hh"

#include "base/error.hh"
#include "base/escape.hh"
#include "base/interrupt.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/repository_lock.hh"
#include "ostree/objects/summary.hh"
#include "ostree/tree/commit.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::ostree {
namespace {

// The ref in `rev`: of this repository, or of a remote, whose name is then removed.
RefName ref_named_by(const Repository& repository, const std::string& rev) {
    for (const std::string& ref : repository.refs("")) {
        if (ref == rev) return RefName::parse(rev.substr(rev.find(':') + 1));
    }
    throw Error(ErrorKind::usage, concat(quoted(rev), " names a commit, not a ref"))
        .hint("name the ref of the destination with --ref");
}

CommitId find_commit(const Repository& repository, const std::string& rev) {
    const std::optional<CommitId> commit = repository.resolve(rev);
    if (commit && has_commit_object(repository, *commit)) return *commit;
    throw revision_not_found(
        repository, rev,
        concat("the repository ", quoted(repository.path()), " has no commit ", quoted(rev)));
}

}  // namespace

std::vector<CommitId> commits_before(const Repository& repository, const CommitId& commit, unsigned count) {
    std::vector<CommitId> out;
    std::optional<CommitId> next = parent_of(load_commit(repository, commit).get());
    while (out.size() < count && next && has_whole_commit(repository, *next)) {
        out.push_back(*next);
        next = parent_of(load_commit(repository, *next).get());
    }
    return out;
}

PushSource::PushSource(const Repository& repository, const std::string& rev,
                       const std::optional<RefName>& ref)
    // Braces evaluate from left to right, so that a missing commit is reported first.
    : PushSource{repository, find_commit(repository, rev), ref ? *ref : ref_named_by(repository, rev)} {}

PushSource::PushSource(const Repository& repository, const CommitId& commit, RefName ref)
    : repository_(repository), ref_(std::move(ref)) {
    OstreeRepo* const repo = repository.handle().repo.get();
    if (ostree_repo_is_writable(repo, nullptr) != FALSE) {
        const Fd lock = wait_for_lock(repository, RepositoryLock::shared);
        GErrorSlot error;
        error.check(ostree_repo_lock_push(repo, OSTREE_REPO_LOCK_SHARED, nullptr, error.out()) != 0,
                    concat("cannot lock the repository ", quoted(repository.path())));
        locked_ = true;
    }
    try {
        read_history(commit);
    } catch (...) {
        if (locked_) ostree_repo_lock_pop(repo, OSTREE_REPO_LOCK_SHARED, nullptr, nullptr);
        throw;
    }
}

PushSource::~PushSource() {
    if (locked_)
        ostree_repo_lock_pop(repository_.handle().repo.get(), OSTREE_REPO_LOCK_SHARED, nullptr, nullptr);
}

void PushSource::read_history(const CommitId& newest) {
    for (std::optional<CommitId> commit = newest; commit; commit = history_.back().parent) {
        check_interrupt();
        // An ancestor that was never pulled or was deleted ends the history.
        const bool first = history_.empty();
        if (!first && !has_commit_object(repository_, *commit)) break;
        const GVariantPtr object = load_commit(repository_, *commit);
        if (!object && first) {
            throw Error(ErrorKind::not_found,
                        concat("the repository holds the commit ", *commit, " only in part"))
                .hint("fetch the rest of the commit, then push it");
        }
        if (!object) break;
        history_.push_back({*commit, parent_of(object.get())});
    }
}

}  // namespace osb::ostree

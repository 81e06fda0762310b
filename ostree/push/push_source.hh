// The source of a push: the commit, its name in the destination, and its ancestors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// A commit of the history.
struct PushedCommit {
    CommitId commit;
    std::optional<CommitId> parent;
};

// The commit to push, with its history.
class PushSource {
  public:
    // `repository` is borrowed. If it is writable, this object locks it against pruning. `ref`: nullopt for
    // the ref in `rev`. Throws Error: not_found if the commit is missing or incomplete; usage if there is no
    // ref, or it is invalid.
    PushSource(const Repository& repository, const std::string& rev, const std::optional<RefName>& ref);
    PushSource(const PushSource&) = delete;
    PushSource& operator=(const PushSource&) = delete;
    ~PushSource();

    const Repository& repository() const noexcept { return repository_; }
    const CommitId& commit() const noexcept { return history_.front().commit; }
    const RefName& ref() const noexcept { return ref_; }
    // The commit, its parent, and so on, as far as the repository has them completely. Not empty.
    const std::vector<PushedCommit>& history() const noexcept { return history_; }

  private:
    PushSource(const Repository& repository, const CommitId& commit, RefName ref);
    void read_history(const CommitId& newest);

    const Repository& repository_;
    RefName ref_;
    std::vector<PushedCommit> history_;
    bool locked_ = false;
};

// The `count` commits before `commit`, the nearest first, as far as the repository has them completely.
std::vector<CommitId> commits_before(const Repository& repository, const CommitId& commit, unsigned count);

}  // namespace osb::ostree

// What a push is about: the commit, its name in the destination, and its ancestors.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "ostree/objects/commit_id.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

struct PushedCommit {
    CommitId commit;
    std::optional<CommitId> parent;
};

class PushSource {
  public:
    // `repository` is borrowed; it is locked against pruning as long as this object lives, where we may write
    // to it. `ref`: nothing for the one that `rev` names. Throws Error: not_found when there is no such
    // commit, or only part of it; usage when no ref is named, or none that may be written.
    PushSource(const Repository& repository, const std::string& rev, const std::optional<RefName>& ref);
    PushSource(const PushSource&) = delete;
    PushSource& operator=(const PushSource&) = delete;
    ~PushSource();

    const Repository& repository() const noexcept { return repository_; }
    const CommitId& commit() const noexcept { return history_.front().commit; }
    const RefName& ref() const noexcept { return ref_; }
    // The commit, its parent, and so on, as far as the repository has them whole. Not empty.
    const std::vector<PushedCommit>& history() const noexcept { return history_; }

  private:
    PushSource(const Repository& repository, const CommitId& commit, RefName ref);
    void read_history(const CommitId& newest);

    const Repository& repository_;
    RefName ref_;
    std::vector<PushedCommit> history_;
    bool locked_ = false;
};

// Whether the repository has the commit with everything that belongs to it.
bool has_whole_commit(const Repository& repository, const CommitId& commit);

}  // namespace osb::ostree

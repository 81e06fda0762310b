// A commit of a repository as a tree for `lint`.
#pragma once

#include <memory>
#include <string>

#include "image/lint/lint_tree.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::image {

class CommitTree final : public LintTree {
  public:
    // Reads the directories of the commit and the header of each file. `repository` is borrowed. Throws
    // Error: as ostree::walk_commit(), and too_large above kMaxLintEntries.
    CommitTree(const ostree::Repository& repository, const ostree::CommitId& commit);

    // The source verifies the object, if it is read to the end. open() and read() throw
    // Error{digest_mismatch} also for a malformed object, so that `invalid` is a fault of the image.
    std::unique_ptr<Source> open(const std::string& path) const override;

  private:
    const ostree::Repository& repository_;
};

}  // namespace osb::image

// Makes static deltas, with libostree.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <utility>

#include "base/bytes.hh"
#include "base/scratch_directory.hh"
#include "ostree/delta/delta_superblock.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The files of a delta, in a temporary directory that is removed with this object.
class DeltaFiles {
  public:
    DeltaFiles(std::unique_ptr<ScratchDirectory> directory, DeltaSuperblock content)
        : directory_(std::move(directory)), content_(std::move(content)) {}

    const DeltaSuperblock& content() const noexcept { return content_; }
    std::string superblock_path() const { return concat(directory_->path(), "/superblock"); }
    std::string part_path(std::size_t part) const { return concat(directory_->path(), '/', part); }

  private:
    std::unique_ptr<ScratchDirectory> directory_;
    DeltaSuperblock content_;
};

// Makes the delta that needs `from` and gives `to`. All content is in its parts, whatever its size. Needs at
// most about 512 MiB of memory: of a file whose two versions have more than 40 MB, only blocks that did not
// change are taken from the old one. Throws Error: not_found if the repository does not have both commits
// completely; io, no_space; Interrupted, after which nothing is left.
DeltaFiles make_delta(const Repository& repository, const CommitId& from, const CommitId& to);

// The same in deltas/ of the repository itself, where clients of an archive repository find it.
void make_delta_in_place(Repository& repository, const CommitId& from, const CommitId& to);

}  // namespace osb::ostree

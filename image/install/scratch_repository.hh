// A temporary repository. It stores images before they are written to a disk or compared, and the few objects
// of a remote that `upgrade --check` reads.
#pragma once

#include <optional>
#include <string>

#include "base/fd.hh"
#include "ostree/objects/repository.hh"

namespace osb::image {

class ScratchRepository {
  public:
    // Creates a repository in a new directory of `parent` ("" means $TMPDIR, or else /var/tmp). The
    // destructor removes the directory. The constructor first removes the directories of killed runs; a
    // running owner holds a lock on its directory. The repository is not durable. `objects`, unless null, is
    // a repository whose objects and refs can also be read through this one. It is never changed, and must
    // not be pruned meanwhile. The new repository then stores metadata as that one does: in mode
    // bare-user-only if that has it. Throws Error.
    explicit ScratchRepository(std::string parent, const ostree::Repository* objects = nullptr);
    ScratchRepository(const ScratchRepository&) = delete;
    ScratchRepository& operator=(const ScratchRepository&) = delete;
    ~ScratchRepository();

    ostree::Repository& repository() { return *repository_; }

  private:
    std::string path_;
    Fd lock_;
    std::optional<ostree::Repository> repository_;
};

}  // namespace osb::image

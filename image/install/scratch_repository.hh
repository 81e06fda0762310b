// A temporary repository for one installation. It stores images before they are written to the disk.
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
    // running owner holds a lock on its directory. The repository is not durable. Throws Error.
    explicit ScratchRepository(std::string parent);
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

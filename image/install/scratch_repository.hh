// A repository that lasts as long as an installation: where images are stored before they reach the disk.
#pragma once

#include <optional>
#include <string>

#include "base/fd.hh"
#include "ostree/objects/repository.hh"

namespace osb::image {

class ScratchRepository {
  public:
    // Makes one in a new directory of `parent` ("" for $TMPDIR, else /var/tmp), which goes with it. Those of
    // runs that were killed are removed first: each is locked by its owner. Nothing in it is durable. Throws
    // Error.
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

// The space that a repository keeps free on its filesystem (core.min-free-space-*), for files that are not
// objects. ObjectWriter keeps it for objects.
#pragma once

#include <cstdint>

#include "base/error.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// Asks the filesystem each time, so that all files that are written at once count. Thread-safe.
class RepositoryReserve {
  public:
    // Borrows the repository. Throws Error.
    explicit RepositoryReserve(const Repository& repository);

    // Call it before each write to a file of the repository. Throws Error{no_space} if less than the reserve
    // would stay free after another `bytes` bytes.
    void check(std::uint64_t bytes) const;

  private:
    const Repository& repository_;
    std::uint64_t reserve_;
};

// The error for a write that the reserve in bytes does not permit.
Error reserve_error(const Repository& repository, std::uint64_t reserve);

}  // namespace osb::ostree

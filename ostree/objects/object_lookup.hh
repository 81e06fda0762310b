// Looks up objects in the directories of a repository and of its parents, without a transaction.
#pragma once

#include <vector>

#include "base/fd.hh"
#include "base/hash.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// Thread-safe.
class ObjectLookup {
  public:
    // Opens the directories. Throws Error{io}.
    explicit ObjectLookup(const Repository& repository);

    bool has(const Sha256& checksum, ObjectType type) const;

  private:
    struct Place {
        Fd objects;
        bool is_archive;
    };
    std::vector<Place> places_;
};

}  // namespace osb::ostree

// Looks up whether a repository has an object, for many objects at a time.
#pragma once

#include <vector>

#include "base/fd.hh"
#include "base/hash.hh"
#include "ostree/objects/object_format.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The directories of objects of a repository and of its parents. Thread-safe.
class ObjectLookup {
  public:
    // `repository` need not outlive this object.
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

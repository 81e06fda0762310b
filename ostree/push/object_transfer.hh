// Objects taken from a repository as they are stored, without being unpacked or compressed anew.
#pragma once

#include <sys/types.h>

#include <atomic>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/fd.hh"
#include "ostree/objects/repository.hh"
#include "ostree/objects/staging.hh"
#include "ostree/push/object_closure.hh"

namespace osb::ostree {

// Where a repository, or the parent that its configuration names, has objects in the form that an archive
// repository stores: all metadata objects, and files where the mode is archive.
class StoredObjects {
  public:
    // `repository` may go before this object.
    explicit StoredObjects(const Repository& repository);

    // Opens the object's file; nothing when there is none of that form. Threads may call it at once.
    Fd open(const ObjectName& name) const;

    struct Location {
        int objects = -1;  // descriptor of an objects/ directory, borrowed from this object
        std::string path;  // below it
        uid_t owner = 0;
        dev_t device = 0;
        mode_t mode = 0;
        std::uint64_t size = 0;  // bytes
    };
    // Where it is. Threads may call it at once.
    std::optional<Location> find(const ObjectName& name) const;

  private:
    struct Directory {
        Fd objects;
        bool archive = false;
    };
    std::vector<Directory> directories_;
};

// Puts stored objects into the staging directory of an archive repository: as a second name of the same file
// where that is as good as a copy, else as a copy that shares its blocks where the filesystem can, else as a
// copy.
class ObjectTransfer {
  public:
    // All are borrowed.
    ObjectTransfer(const StoredObjects& source, const Repository& destination, Staging& staging);

    // False when the source does not store the object in this form. Adds the object's size to bytes(). Throws
    // Error, no_space when the destination's reserve would be touched. Threads may call it at once.
    bool transfer(const ObjectName& name);

    std::uint64_t bytes() const noexcept { return bytes_; }

  private:
    bool may_link(const StoredObjects::Location& from) const noexcept;
    void copy(const StoredObjects::Location& from, const std::string& to);

    const StoredObjects& source_;
    Staging& staging_;
    uid_t owner_ = 0;
    dev_t device_ = 0;
    bool shared_group_ = false;
    std::atomic<std::int64_t> space_left_{0};
    std::atomic<std::uint64_t> bytes_{0};
};

}  // namespace osb::ostree

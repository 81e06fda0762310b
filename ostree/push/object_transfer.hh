// Copies objects between repositories in their stored form, without unpacking or recompressing them.
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

// Finds objects in the format of an archive repository, in a repository or in the parent that its
// configuration names: all metadata objects, and files if the mode is archive.
class StoredObjects {
  public:
    // `repository` need not outlive this object.
    explicit StoredObjects(const Repository& repository);

    // Opens the object's file; the result is empty if there is none in that format. Thread-safe.
    Fd open(const ObjectName& name) const;

    struct Location {
        int objects = -1;  // descriptor of an objects/ directory, borrowed from this object
        std::string path;  // relative to `objects`
        uid_t owner = 0;
        dev_t device = 0;
        mode_t mode = 0;
        std::uint64_t size = 0;  // in bytes
    };
    // The location of the object's file, or nullopt. Thread-safe.
    std::optional<Location> find(const ObjectName& name) const;

  private:
    struct Directory {
        Fd objects;
        bool archive = false;
    };
    std::vector<Directory> directories_;
};

// Adds stored objects to the staging directory of an archive repository. It makes a hard link if that is as
// good as a copy, otherwise a copy that shares blocks if the filesystem supports it, otherwise a plain copy.
class ObjectTransfer {
  public:
    // All arguments are borrowed.
    ObjectTransfer(const StoredObjects& source, const Repository& destination, Staging& staging);

    // Adds an object and adds its size to bytes(). Returns false if the source does not have it in this
    // format. Throws Error; no_space if the destination's reserve would be used. Thread-safe.
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

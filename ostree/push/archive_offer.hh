// A virtual archive repository with one commit under one ref, for ostree clients over HTTP. The actual
// repository may have any mode.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/fd.hh"
#include "ostree/objects/commit_id.hh"
#include "ostree/objects/object_reader.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"
#include "ostree/push/object_closure.hh"
#include "ostree/push/object_transfer.hh"

namespace osb::ostree {

// A file of the virtual repository.
struct OfferedFile {
    std::string bytes;       // its start, or all of it
    Fd file;                 // the rest is this file, from its start, ...
    std::uint64_t size = 0;  // ... with this number of bytes;
    ContentObject content;   // or, if `content.content` is set, that in raw deflate
    bool is_object = false;
};

// The virtual repository. It has one commit at a time.
class ArchiveOffer {
  public:
    // `repository` is borrowed.
    explicit ArchiveOffer(const Repository& repository);

    // Sets the commit of `ref`. With `probing`, find() returns no objects: this tells whether the client has
    // the commit, without sending it. Not thread-safe with find(). Throws Error as ObjectClosure::add().
    void set(const RefName& ref, const CommitId& commit, bool probing);

    // The file at a path like "objects/ab/cdef.filez", or nullopt. Throws Error. Thread-safe.
    std::optional<OfferedFile> find(std::string_view path) const;

    // The number of objects of all offered commits, including the commits, without those that were only
    // probed.
    std::size_t object_count() const noexcept { return closure_.objects().size() + commits_; }
    // The last offered commit, or nullopt.
    const std::optional<CommitId>& commit() const noexcept { return commit_; }
    bool probing() const noexcept { return probing_; }

  private:
    std::optional<OfferedFile> find_object(std::string_view name) const;

    const Repository& repository_;
    StoredObjects stored_;
    ObjectClosure closure_;
    std::size_t commits_ = 0;
    std::optional<CommitId> commit_;
    std::string commit_object_;
    std::string detached_;
    std::string ref_path_;
    std::string summary_;
    bool probing_ = false;
};

}  // namespace osb::ostree

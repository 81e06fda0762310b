// A commit as the files of an archive repository that holds it under one ref, and nothing else: what a client
// of ostree asks for over HTTP, whatever the mode of the repository that it really comes from.
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

// One of these files.
struct OfferedFile {
    std::string bytes;       // its beginning, or all of it
    Fd file;                 // what follows is this file, from its start, ...
    std::uint64_t size = 0;  // ... so many bytes of it;
    ContentObject content;   // or, where `content.content` is set, that in raw deflate
    bool is_object = false;
};

class ArchiveOffer {
  public:
    // `repository` is borrowed.
    explicit ArchiveOffer(const Repository& repository);

    // From here on `ref` names `commit`. With `probing` no object is found: that tells whether the client has
    // the commit, and sends it nothing. Not to be called while other threads use find(). Throws Error as
    // ObjectClosure::add().
    void set(const RefName& ref, const CommitId& commit, bool probing);

    // The file at a path like "objects/ab/cdef.filez"; nothing when there is none. Throws Error. Threads may
    // call it at once.
    std::optional<OfferedFile> find(std::string_view path) const;

    // The objects of all commits that were offered, and not merely probed; the commits included.
    std::size_t object_count() const noexcept { return closure_.objects().size() + commits_; }
    // The one that was offered last; nothing before.
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

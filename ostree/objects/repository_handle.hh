// The implementation of Repository. Private to this folder.
#pragma once

#include <sys/types.h>

#include <string>
#include <string_view>
#include <vector>

#include "base/fd.hh"
#include "base/umask_scope.hh"
#include "ostree/objects/detached_metadata.hh"
#include "ostree/objects/glib.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

struct Repository::Handle {
    GObjectPtr<OstreeRepo> repo;
    std::string path;
};

// The umask for files of the repository. The mode of its directory of objects determines who may read and
// write them, not the umask of the caller.
mode_t umask_for(OstreeRepo* repo);

// A libostree transaction. It holds the repository's shared lock, and is aborted unless commit() has
// succeeded. During its lifetime, the process has the umask of the repository.
class Transaction {
  public:
    // Waits while another program has the exclusive lock; a stop request ends the wait immediately.
    // `repository` is borrowed.
    explicit Transaction(Repository& repository);
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();

    CommitId write_commit(GVariant* commit_object);
    // Writes an existing commit: the bytes of the commit object, whose checksum must be `id`, and its
    // detached metadata ("" for none), which are merged with those in the repository. Call it under
    // lock_refs(), so that concurrent changes are not lost.
    void write_commit(const CommitId& id, std::string_view bytes, std::string_view detached,
                      Preferred preferred);
    // Merges detached metadata into those of a commit that the repository has or this transaction writes, as
    // write_commit() does. Call it under lock_refs(). Takes effect with commit().
    void add_detached_metadata(const CommitId& id, std::string_view detached, Preferred preferred);
    // Both take effect with commit().
    void set_ref(const RefName& ref, const CommitId& commit);
    void delete_ref(const std::string& ref);  // as listed by Repository::refs()
    // Locks the refs until this object is destroyed: no other osb-oci changes a ref of this repository, so
    // the caller may rely on the current refs. Waits for other holders. Idempotent.
    void lock_refs();
    // Makes everything durable and sets the refs.
    void commit();

  private:
    const Repository& repository_;
    OstreeRepo* repo_;
    UmaskScope umask_;
    Fd refs_lock_;
    bool open_ = false;
    std::vector<CommitId> commits_;
};

}  // namespace osb::ostree

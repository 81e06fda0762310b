// What stands behind a Repository; internal to this folder.
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

// The umask with which files of the repository are made: who may read and write them is said by the mode of
// its directory of objects, and not by whoever calls.
mode_t umask_for(OstreeRepo* repo);

// A libostree transaction: holds the repository's shared lock; aborted unless commit() was reached. For as
// long as it lives the process has the repository's umask.
class Transaction {
  public:
    // Waits while another program has the exclusive lock; an interruption ends that at once. `repository` is
    // borrowed.
    explicit Transaction(Repository& repository);
    Transaction(const Transaction&) = delete;
    Transaction& operator=(const Transaction&) = delete;
    ~Transaction();

    CommitId write_commit(GVariant* commit_object);
    // Writes a commit that came from elsewhere: the bytes of the commit object, which must have the checksum
    // `id`, and its detached metadata, "" for none, which join those that the repository has. To be called
    // under lock_refs(), so that no other's are lost.
    void write_commit(const CommitId& id, std::string_view bytes, std::string_view detached,
                      Preferred preferred);
    // Both take effect with commit().
    void set_ref(const RefName& ref, const CommitId& commit);
    void delete_ref(const std::string& ref);  // as Repository::refs() lists it
    // From here to the end of this object no other osb-oci changes a ref of this repository: what a ref names
    // may be read, and built upon. Waits for those who do. Idempotent.
    void lock_refs();
    // Makes everything durable and moves the refs.
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

#include "ostree/objects/ref_change.hh"

#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {

void change_refs(Repository& repository, const std::vector<std::pair<RefName, CommitId>>& set,
                 const std::vector<std::string>& removed) {
    Transaction transaction(repository);
    transaction.lock_refs();
    for (const std::string& ref : removed) transaction.delete_ref(ref);
    for (const auto& [ref, commit] : set) transaction.set_ref(ref, commit);
    transaction.commit();
}

}  // namespace osb::ostree

// The ref bindings of a commit. Clients of a repository with a collection ID accept a commit only under these
// refs (ostree-repo-config(5), core.collection-id).
#pragma once

#include <string>

#include "ostree/objects/glib.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The repository's collection ID, "" for none.
std::string collection_of(const Repository& repository);

// True if clients of a repository in `collection` ("" for none) reject the commit under the name `ref`.
// Follows libostree's rules for ostree.ref-binding and ostree.collection-binding.
bool is_bound_elsewhere(GVariant* commit_object, const RefName& ref, const std::string& collection);

// The same for the repository's collection. False without a collection, because then any name is valid.
bool is_refused_in_collection(const Repository& repository, GVariant* commit_object, const RefName& ref);

// Both log a warning if clients would reject the commit under the name `ref` of the repository. The second
// one applies only to a repository with a collection ID.
void warn_of_binding(const Repository& repository, GVariant* commit_object, const RefName& ref);
void warn_in_collection(const Repository& repository, GVariant* commit_object, const RefName& ref);

}  // namespace osb::ostree

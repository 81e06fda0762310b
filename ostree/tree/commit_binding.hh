// For which names a commit says that it is: clients of a repository with a collection id take it under no
// other (ostree-repo-config(5), core.collection-id).
#pragma once

#include <string>

#include "ostree/objects/glib.hh"
#include "ostree/objects/ref_name.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// The repository's collection id; "" for none.
std::string collection_of(const Repository& repository);

// Whether clients of a repository in `collection` ("" for none) refuse the commit by the name `ref`: as
// libostree decides it, by ostree.ref-binding and ostree.collection-binding.
bool is_bound_elsewhere(GVariant* commit_object, const RefName& ref, const std::string& collection);

// The same for the repository's collection; false when it has none: there a commit may have any name.
bool is_refused_in_collection(const Repository& repository, GVariant* commit_object, const RefName& ref);

// A warning when clients would refuse the commit by the name `ref` of the repository; the second for a
// repository with a collection id only.
void warn_of_binding(const Repository& repository, GVariant* commit_object, const RefName& ref);
void warn_in_collection(const Repository& repository, GVariant* commit_object, const RefName& ref);

}  // namespace osb::ostree

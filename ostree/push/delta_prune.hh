// Removal of deltas that no machine can use any more from a registry.
#pragma once

#include <cstddef>

#include "oci/documents/reference.hh"
#include "ostree/objects/repository.hh"
#include "registry/distribution/registry_access.hh"

namespace osb::ostree {

// Removes the deltas in the image's repository whose target no tag leads to, and those of which `repository`
// has the target and not the origin any more. Only manifests that are deltas of their subject are deleted.
// Entries of deltas whose manifests are gone are removed from the list.
// Looks at the referrers of all images with a tag, and of those that a referrers tag names. Returns the
// number of removed deltas. If the registry does not delete them, they are only unlisted, with a warning;
// without a referrers tag this is an error. Throws Error{too_large} for a repository with more than 1,000
// tags of images; otherwise as the registry.
std::size_t prune_deltas(const Repository& repository, const oci::Reference& image,
                         const registry::RegistryOptions& options);

}  // namespace osb::ostree

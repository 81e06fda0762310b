// A check whether layers fit into a repository, as far as their sizes are known.
#pragma once

#include <vector>

#include "oci/documents/manifest.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// Throws Error{no_space} if the minimum size of the layers exceeds the free space of the repository's
// filesystem.
void check_space_for(const Repository& repository, const std::vector<const oci::Descriptor*>& layers);

}  // namespace osb::ostree

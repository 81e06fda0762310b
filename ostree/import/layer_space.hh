// Whether layers fit into a repository, as far as their sizes tell.
#pragma once

#include <vector>

#include "oci/documents/manifest.hh"
#include "ostree/objects/repository.hh"

namespace osb::ostree {

// Throws Error{no_space} when what the layers take at the least is more than is free on the repository's
// filesystem.
void check_space_for(const Repository& repository, const std::vector<const oci::Descriptor*>& layers);

}  // namespace osb::ostree

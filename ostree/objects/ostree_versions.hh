// The versions of the libraries for repositories.
#pragma once

#include <vector>

#include "base/library_version.hh"

namespace osb::ostree {

// libostree as it was compiled in (it has no function that tells its version) and GLib as it runs.
// Thread-safe.
std::vector<LibraryVersion> ostree_versions();

}  // namespace osb::ostree

// The packages of a deployment.
#pragma once

#include <optional>

#include "ostree/sysroot/sysroot.hh"
#include "ostree/tree/packages.hh"

namespace osb::system {

// Returns the packages of a deployment, from its files; nothing if it has no supported database.
std::optional<ostree::Packages> packages_of(const ostree::Sysroot& sysroot,
                                            const ostree::Deployment& deployment);

}  // namespace osb::system

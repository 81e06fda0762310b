// Customizations carried out in the tree of a deployment.
#pragma once

#include <cstdint>

#include "image/deployment/sysroot_layout.hh"
#include "image/settings/customizations.hh"
#include "ostree/objects/repository.hh"

namespace osb::image {

// Changes /etc and /var of the deployment. `repository` has its objects; `time` is that of what is new.
// Throws Error{invalid} for what cannot be done, e.g. a group that does not exist.
void customize(SysrootLayout& layout, const Customizations& customizations,
               const ostree::Repository& repository, std::int64_t time);

}  // namespace osb::image

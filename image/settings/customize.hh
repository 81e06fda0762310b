// Applies customizations to the tree of a deployment.
#pragma once

#include <cstdint>

#include "image/deployment/sysroot_layout.hh"
#include "image/settings/customizations.hh"
#include "ostree/objects/repository.hh"

namespace osb::image {

// Changes /etc and /var of the deployment. `repository` has its objects. `time` is the time of new inodes, in
// seconds since 1970. Throws Error{invalid} for a setting that cannot be applied, for example a group that
// does not exist.
void customize(SysrootLayout& layout, const Customizations& customizations,
               const ostree::Repository& repository, std::int64_t time);

}  // namespace osb::image

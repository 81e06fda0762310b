// Maps paths of a running system to the trees that it consists of.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "image/deployment/sysroot_layout.hh"

namespace osb::image {

// The directory of an entry, and the name of the entry in it.
struct PlacedEntry {
    InodeId directory = 0;
    std::string name;
};

// Finds `path` of the running system in the tree: in the deployment's /etc, or in /var. Follows symbolic
// links as the running system does, except in the last part. Creates missing directories if `make_parents` is
// true. Throws Error{invalid} for a path elsewhere (the rest of a deployment is read-only), a path through
// something that is not a directory, and a path without a parent. `time` is in seconds since 1970.
PlacedEntry place_path(SysrootLayout& layout, std::string_view path, bool make_parents, std::int64_t time);

}  // namespace osb::image

// Paths of a running system, found in the trees that it is made of.
#pragma once

#include <string>
#include <string_view>
#include <utility>

#include "image/deployment/sysroot_layout.hh"

namespace osb::image {

// An entry's directory and its name in there.
struct PlacedEntry {
    InodeId directory = 0;
    std::string name;
};

// Where `path`, as the running system has it, lies in the tree: in the deployment's /etc, or in /var.
// Symbolic links on the way are followed as there; the last part is not. Directories that are missing are
// made when `make_parents` says so. Throws Error{invalid} for a path that lies elsewhere (the rest of a
// deployment is read-only), leads through something that is no directory, or has no parent.
PlacedEntry place_path(SysrootLayout& layout, std::string_view path, bool make_parents, std::int64_t time);

}  // namespace osb::image

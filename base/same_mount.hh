// Opens directory entries without leaving the mounted filesystem that the directory belongs to.
#pragma once

#include <optional>
#include <string>

#include "base/fd.hh"

namespace osb {

// Opens the entry `name` of an open directory with openat2(2), without following links. Returns nothing if
// another filesystem, or another part of the same one (a bind mount), is mounted on it. Kernels before 5.6
// recognise only another filesystem. Throws Error as open_at().
std::optional<Fd> open_same_mount(int directory, const std::string& name, int flags);

}  // namespace osb

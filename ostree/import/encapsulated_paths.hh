// The paths in an encapsulated image of the repository with the commit's objects
// (docs/formats/encapsulated-image.md).
#pragma once

#include <string_view>

namespace osb::ostree {

inline constexpr std::string_view kImageRepo = "sysroot/ostree/repo/";
inline constexpr std::string_view kImageObjects = "sysroot/ostree/repo/objects/";

}  // namespace osb::ostree

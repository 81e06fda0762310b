// The paths in an encapsulated image of the repository with the commit's objects
// (docs/formats/encapsulated-image.md).
#pragma once

#include <string_view>

namespace osb::ostree {

inline constexpr std::string_view kImageRepo = "sysroot/ostree/repo/";
inline constexpr std::string_view kImageObjects = "sysroot/ostree/repo/objects/";
// Shared attributes in the older form of images.
inline constexpr std::string_view kImageXattrsV0 = "sysroot/ostree/repo/xattrs/";

// The file name in `path`.
inline std::string_view last_part(std::string_view path) {
    return path.substr(path.rfind('/') + 1);
}

}  // namespace osb::ostree

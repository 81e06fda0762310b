// The names in a layer: made normal, refused when they are hostile, and told apart from whiteouts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "ostree/tree/layer.hh"

namespace osb::ostree {

inline constexpr std::size_t kMaxPath = 4096;      // bytes of a path, as Linux's PATH_MAX
inline constexpr std::size_t kMaxComponent = 255;  // bytes of a name, as Linux's NAME_MAX

// The path without leading '/', './' and doubled or trailing '/'; "" for the root itself. Throws
// Error{invalid} for a '..', for an empty path, for bytes that are not UTF-8 (ostree cannot hold them);
// Error{too_large} beyond the limits.
std::string normalize_path(std::string_view path);

enum class NameKind { ordinary, whiteout, opaque, ignored };

// A normalised path seen as layer.md, "Whiteouts", sees it.
struct LayerName {
    NameKind kind = NameKind::ordinary;
    std::string path;  // whiteout: what is hidden; opaque: the directory; else the path itself
};

// Throws Error{invalid} for a whiteout that names nothing, '.' or '..', and for a path below a whiteout. The
// names that AUFS kept for itself (.wh..wh.plnk and the like) are `ignored`.
LayerName classify(std::string_view normalized);

// Whether a normalised path is that of a file which AUFS kept for its hard links (.wh..wh.plnk/NAME): no file
// of the image, but other entries of the layer are links to it.
bool is_aufs_link(std::string_view normalized) noexcept;

}  // namespace osb::ostree

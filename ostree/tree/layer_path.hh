// Names in a layer: normalisation, rejection of hostile names, and detection of whiteouts.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "ostree/tree/layer.hh"

namespace osb::ostree {

inline constexpr std::size_t kMaxPath = 4096;      // bytes of a path, as Linux's PATH_MAX
inline constexpr std::size_t kMaxComponent = 255;  // bytes of a name, as Linux's NAME_MAX

// Removes leading '/', './' and doubled or trailing '/'; the root is "". Throws Error{invalid} for '..', for
// an empty path, and for bytes that are not UTF-8, which ostree cannot store; Error{too_large} above the
// limits.
std::string normalize_path(std::string_view path);

enum class NameKind { ordinary, whiteout, opaque, ignored };

// The meaning of a normalised path by layer.md, "Whiteouts".
struct LayerName {
    NameKind kind = NameKind::ordinary;
    std::string path;  // whiteout: the hidden path; opaque: the directory; otherwise the path itself
};

// Throws Error{invalid} for a whiteout without a name or for '.' or '..', and for a path below a whiteout.
// Names that AUFS reserved (.wh..wh.plnk and similar) are `ignored`.
LayerName classify(std::string_view normalized);

// True if a normalised path is a file that AUFS kept for its hard links (.wh..wh.plnk/NAME). It is not a file
// of the image, but other entries of the layer link to it.
bool is_aufs_link(std::string_view normalized) noexcept;

}  // namespace osb::ostree

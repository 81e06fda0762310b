// The distribution of a commit's objects among layers, so that a layer changes only with its packages.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "oci/documents/manifest.hh"
#include "ostree/export/kept_layers.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {

// The components of files that no package owns.
inline constexpr const char* kInitramfs = "initramfs";
inline constexpr const char* kUnpackaged = "unpackaged";

// The annotation of a layer with the names of its components, sorted and separated by commas, as ostree-ext
// writes it.
inline constexpr const char* kComponentsAnnotation = "ostree.components";

// The planned content of a layer. It borrows from the walk.
struct PlannedLayer {
    std::vector<std::string> components;   // sorted
    std::vector<const WalkedFile*> files;  // in the order of the walk, except in the last layer
    std::optional<KeptLayer> kept;         // reuse this layer of the previous image instead of writing one
};

using Owners = std::map<std::string, std::string, std::less<>>;  // path -> package
using SizeOf = std::function<std::uint64_t(const WalkedFile&)>;

// Returns at most `max_layers` (>= 2) layers of files. No layer is empty. The walk is borrowed.
//
// The layers of `kept`, from find_kept_layers(), come first, unchanged and in their order. If they would take
// more than seven eighths of the layers and other layers are needed, only the largest of them are kept. Their
// `components` are those of their annotation, otherwise of their files.
//
// With `previous`, the manifest of the previous build, components whose files are mostly in `kept` share the
// last layer for the rest: first what is not in the previous image, then the files of layers that were too
// many. So changes that are scattered over all components change one layer. Each other component stays in its
// layer, and new components share one.
//
// Without `previous`, the larger half of the layers is for files without a package and for the largest
// components, one each. The names of the other components determine their layers, so that they stay in place
// between builds. If `max_layers` is at least eight, an eighth of the layers stays free for later builds.
std::vector<PlannedLayer> plan_layers(const CommitWalk& walk, const Owners& owners, const SizeOf& size_of,
                                      std::size_t max_layers, const std::optional<oci::Manifest>& previous,
                                      const std::vector<KeptLayer>& kept = {});

}  // namespace osb::ostree

// Which objects of a commit go into which layer, so that a layer changes only when its packages do.
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

// The components of the files that no package owns.
inline constexpr const char* kInitramfs = "initramfs";
inline constexpr const char* kUnpackaged = "unpackaged";

// The annotation of a layer that names its components, sorted and separated by commas, as ostree-ext writes
// it.
inline constexpr const char* kComponentsAnnotation = "ostree.components";

struct PlannedLayer {
    std::vector<std::string> components;   // sorted
    std::vector<const WalkedFile*> files;  // in the walk's order
    std::optional<KeptLayer> kept;         // it is this layer of the previous image: not to be written
};

using Owners = std::map<std::string, std::string, std::less<>>;  // path -> package
using SizeOf = std::function<std::uint64_t(const WalkedFile&)>;

// At most `max_layers` (>= 2) layers of files, none of them empty.
//
// With `previous`, the manifest of the build before: each component stays in its layer there, and new ones
// share a last layer. Without: the larger half of the layers is for what no package owns and for the largest
// components, one each; the others are spread over the rest by their names alone, so that they stay where
// they are from build to build.
// The walk is borrowed.
//
// `kept`, from find_kept_layers(), come first and in their order, as they are; the largest of them, when they
// would take more than seven eighths of the layers and others are needed, too. Their `components` are those
// of their annotation, else of the files.
std::vector<PlannedLayer> plan_layers(const CommitWalk& walk, const Owners& owners, const SizeOf& size_of,
                                      std::size_t max_layers, const std::optional<oci::Manifest>& previous,
                                      const std::vector<KeptLayer>& kept = {});

}  // namespace osb::ostree

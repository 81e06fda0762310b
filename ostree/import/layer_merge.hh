// Merges the layers of an image into the tree that the image shows.
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "oci/transports/image.hh"
#include "ostree/import/base_commit.hh"
#include "ostree/import/image_layers.hh"
#include "ostree/tree/image_budget.hh"
#include "ostree/tree/tree.hh"

namespace osb::ostree {

// The tree of an image without a commit. All layers must have content. Warns of entries that could not be
// stored, and lists the first 1,000 of the final tree in `dropped` (nullptr: not wanted). Throws as
// apply_layer(), with the layer as context.
Node merge_layers(const oci::Image& image, const ImageLayers& layers, ImageBudget& budget,
                  std::vector<std::string>* dropped = nullptr);

// The tree of an image whose first `base_layers` layers hold a commit: the commit's tree with the other
// layers applied, and with /etc where the image shows it. Hard links may point to the commit's objects.
// Throws as merge_layers() and ImageView().
Node merge_onto_base(const oci::Image& image, const ImageLayers& layers, std::size_t base_layers,
                     BaseTree base, ImageBudget& budget, std::vector<std::string>* dropped = nullptr);

}  // namespace osb::ostree

#include "ostree/import/layer_merge.hh"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.hh"
#include "base/log.hh"
#include "ostree/tree/overlay.hh"

namespace osb::ostree {
namespace {

constexpr std::size_t kMaxDropped = 1000;  // paths that are reported

// Applies the layers from `first` on to `root`. Sets `dropped` unless it is nullptr.
void apply_layers(Node& root, const oci::Image& image, const ImageLayers& layers, std::size_t first,
                  DirectoryXattrs xattrs, ImageBudget& budget, std::vector<std::string>* dropped) {
    for (std::size_t i = first; i < layers.positions.size(); ++i) {
        const Layer& layer = *layers.at(i).content;
        with_context([&] { return describe_layer(image, i); },
                     [&] { apply_layer(root, layer, budget, xattrs); });
        for (const std::string& note : layer.notes()) log_warning(concat("layer ", i + 1, ": ", note));
    }
    if (dropped != nullptr) *dropped = special_paths(root, kMaxDropped);
    drop_special(root);
}

}  // namespace

Node merge_layers(const oci::Image& image, const ImageLayers& layers, ImageBudget& budget,
                  std::vector<std::string>* dropped) {
    Node root = Node::directory();
    apply_layers(root, image, layers, 0, DirectoryXattrs::replace, budget, dropped);
    return root;
}

Node merge_onto_base(const oci::Image& image, const ImageLayers& layers, std::size_t base_layers,
                     BaseTree base, ImageBudget& budget, std::vector<std::string>* dropped) {
    const bool linked =
        std::any_of(layers.distinct.begin(), layers.distinct.end(), [](const ImageLayer& layer) {
            return layer.kind == LayerKind::ordinary && has_hard_links(*layer.content);
        });
    ImageView view(base.root, linked ? &base.objects : nullptr, budget);
    apply_layers(base.root, image, layers, base_layers, DirectoryXattrs::keep, budget, dropped);
    view.strip();
    return std::move(base.root);
}

}  // namespace osb::ostree

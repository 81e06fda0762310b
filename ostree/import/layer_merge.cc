#include "ostree/import/layer_merge.hh"

#include <algorithm>
#include <string>
#include <utility>

#include "base/error.hh"
#include "base/log.hh"
#include "ostree/tree/overlay.hh"

namespace osb::ostree {
namespace {

// Applies the layers from `first` on to `root`.
void apply_layers(Node& root, const oci::Image& image, const ImageLayers& layers, std::size_t first,
                  DirectoryXattrs xattrs, ImageBudget& budget) {
    for (std::size_t i = first; i < layers.positions.size(); ++i) {
        const Layer& layer = *layers.at(i).content;
        with_context([&] { return describe_layer(image, i); },
                     [&] { apply_layer(root, layer, budget, xattrs); });
        for (const std::string& note : layer.notes()) log_warning(concat("layer ", i + 1, ": ", note));
    }
    drop_special(root);
}

}  // namespace

Node merge_layers(const oci::Image& image, const ImageLayers& layers, ImageBudget& budget) {
    Node root = Node::directory();
    apply_layers(root, image, layers, 0, DirectoryXattrs::replace, budget);
    return root;
}

Node merge_onto_base(const oci::Image& image, const ImageLayers& layers, std::size_t base_layers,
                     BaseTree base, ImageBudget& budget) {
    const bool linked =
        std::any_of(layers.distinct.begin(), layers.distinct.end(), [](const ImageLayer& layer) {
            return layer.kind == LayerKind::ordinary && has_hard_links(*layer.content);
        });
    ImageView view(base.root, linked ? &base.objects : nullptr, budget);
    apply_layers(base.root, image, layers, base_layers, DirectoryXattrs::keep, budget);
    view.strip();
    return std::move(base.root);
}

}  // namespace osb::ostree

#include "ostree/known_layers.hh"

#include "ostree/encapsulated_image.hh"
#include "ostree/layer_store.hh"

namespace osb::ostree {

std::vector<std::shared_ptr<const Layer>> known_layers(const Repository& repository,
                                                       const oci::Image& image) {
    const std::size_t base = encapsulated_layers(image);
    std::vector<std::shared_ptr<const Layer>> out;
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
        LayerKind kind = LayerKind::ordinary;
        if (i < base) kind = i == 0 ? LayerKind::commit : LayerKind::objects;
        out.push_back(
            load_layer(repository, image.manifest.layers[i].digest, image.config.diff_ids[i], kind));
    }
    // The first layer of a base is of use only with all others.
    for (std::size_t i = 1; i < base; ++i) {
        if (out[i] == nullptr) out.front().reset();
    }
    return out;
}

}  // namespace osb::ostree

#include "ostree/import/image_layers.hh"

#include <algorithm>
#include <map>
#include <tuple>

#include "base/bytes.hh"

namespace osb::ostree {

ImageLayers distinct_layers(const oci::Image& image, std::size_t base_layers) {
    const std::vector<oci::Descriptor>& blobs = image.manifest.layers;
    std::map<std::tuple<LayerKind, oci::Digest, oci::Digest>, std::vector<std::size_t>> uses;
    for (std::size_t i = 0; i < blobs.size(); ++i) {
        uses[{layer_kind(i, base_layers), image.config.diff_ids[i], blobs[i].digest}].push_back(i);
    }
    ImageLayers out;
    out.positions.resize(blobs.size());
    for (const auto& [key, indices] : uses) {
        for (const std::size_t index : indices) out.positions[index] = out.distinct.size();
        out.distinct.push_back({.index = indices.front(), .kind = std::get<LayerKind>(key)});
    }
    return out;
}

LayerKind layer_kind(std::size_t index, std::size_t base_layers) noexcept {
    if (index >= base_layers) return LayerKind::ordinary;
    return index == 0 ? LayerKind::commit : LayerKind::objects;
}

std::size_t count_with_content(const ImageLayers& layers) {
    const auto has_content = [&](std::size_t position) {
        return layers.distinct[position].content != nullptr;
    };
    return static_cast<std::size_t>(
        std::count_if(layers.positions.begin(), layers.positions.end(), has_content));
}

std::vector<const oci::Descriptor*> unread_blobs(const oci::Image& image, const ImageLayers& layers) {
    std::vector<const oci::Descriptor*> out;
    for (const ImageLayer& layer : layers.distinct) {
        if (layer.content == nullptr) out.push_back(&image.manifest.layers[layer.index]);
    }
    return out;
}

std::string describe_layer(const oci::Image& image, std::size_t index) {
    return concat("layer ", index + 1, " of ", image.manifest.layers.size(), " (",
                  image.manifest.layers[index].digest.short_string(), ")");
}

}  // namespace osb::ostree

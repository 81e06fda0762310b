#include "ostree/import/known_layers.hh"

#include <algorithm>

#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/image_layers.hh"
#include "ostree/import/layer_store.hh"

namespace osb::ostree {

namespace {

std::unique_ptr<Layer> find_read_layer(const Repository& repository, const oci::Image& image,
                                       std::size_t index, LayerKind kind) {
    const oci::Digest& digest = image.manifest.layers[index].digest;
    const auto& diff_ids = image.config.diff_ids;
    for (std::size_t i = 0; i < diff_ids.size(); ++i) {
        const bool is_other = diff_ids[i] == diff_ids[index] && image.manifest.layers[i].digest != digest;
        if (is_other && !knows_blob(repository, digest, diff_ids[index])) return nullptr;
    }
    return load_layer(repository, digest, diff_ids[index], kind);
}

}  // namespace

std::unique_ptr<Layer> find_known_layer(const Repository& repository, const oci::Image& image,
                                        std::size_t index, LayerKind kind, Evidence evidence) {
    if (auto layer = find_read_layer(repository, image, index, kind)) return layer;
    if (evidence == Evidence::archives) return nullptr;
    const oci::Digest& diff_id = image.config.diff_ids[index];
    const auto key = table_key(image.manifest.layers[index], diff_id);
    return key ? load_table_layer(repository, *key, diff_id, kind) : nullptr;
}

std::vector<std::shared_ptr<const Layer>> known_layers(const Repository& repository, const oci::Image& image,
                                                       Evidence evidence) {
    const std::size_t base = encapsulated_layers(image);
    std::vector<std::shared_ptr<const Layer>> out;
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
        out.push_back(find_known_layer(repository, image, i, layer_kind(i, base), evidence));
    }
    // The first layer of a base is useful only together with all others.
    for (std::size_t i = 1; i < base; ++i) {
        if (out[i] == nullptr) out.front().reset();
    }
    return out;
}

bool knows_by_table(const Repository& repository, const oci::Image& image) {
    const auto known = known_layers(repository, image);
    return std::any_of(known.begin(), known.end(), [](const std::shared_ptr<const Layer>& layer) {
        return layer != nullptr && layer->kind() == LayerKind::ordinary && layer->table.has_value();
    });
}

std::optional<CommitId> known_commit(const Repository& repository, const oci::Image& image) {
    const std::size_t base = encapsulated_layers(image);
    if (base == 0 || base != image.manifest.layers.size()) return {};
    const auto known = known_layers(repository, image);
    return known.front() != nullptr ? known.front()->commit : std::nullopt;
}

}  // namespace osb::ostree

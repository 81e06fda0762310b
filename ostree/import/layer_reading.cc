#include "ostree/import/layer_reading.hh"

#include <algorithm>
#include <utility>

#include "base/error.hh"
#include "base/task_pool.hh"
#include "ostree/import/layer_store.hh"

namespace osb::ostree {
namespace {

DecodedLayer read_base_layer(const oci::Image& image, std::size_t index, std::size_t base_layers,
                             oci::LayerBlob blob, const LayerContext& context) {
    const LayerKind kind = layer_kind(index, base_layers);
    const oci::Digest& diff_id = image.config.diff_ids[index];
    const bool holds_commit = kind == LayerKind::commit;
    const auto layer = std::make_shared<Layer>(diff_id, kind);
    Encapsulated found;
    layer->blob = blob.digest;
    layer->uncompressed_size = decode_layer(std::move(blob), diff_id, context, [&](LayerArchive archive) {
        EncapsulatedLayerReader(archive, context, found, holds_commit, layer.get()).read_all();
    });
    if (!holds_commit) return {.content = layer, .commit = {}};
    layer->commit = found.commit;
    layer->image_layers = layer_names(image.manifest, image.config.diff_ids, base_layers);
    return {.content = layer, .commit = std::move(found)};
}

// Digests serve the fetch of files from zstd:chunked layers. The next version of a layer has the compression
// of this one, or any if it was not compressed yet, as in containers-storage.
FileDigests wanted_digests(const oci::LayerBlob& blob) {
    return blob.compression == oci::Compression::gzip ? FileDigests::omitted : FileDigests::recorded;
}

std::vector<ImageLayer*> without_content(ImageLayers& layers) {
    std::vector<ImageLayer*> out;
    for (ImageLayer& layer : layers.distinct) {
        if (layer.content == nullptr) out.push_back(&layer);
    }
    return out;
}

std::uint64_t blob_size(const oci::Image& image, const ImageLayer& layer) {
    return image.manifest.layers[layer.index].size;
}

// Largest first, so that no thread has to read it alone at the end.
std::vector<ImageLayer*> by_size(const oci::Image& image, std::vector<ImageLayer*> layers) {
    std::sort(layers.begin(), layers.end(), [&](const ImageLayer* a, const ImageLayer* b) {
        return std::pair(blob_size(image, *b), a->index) < std::pair(blob_size(image, *a), b->index);
    });
    return layers;
}

}  // namespace

DecodedLayer read_image_layer(const oci::Image& image, std::size_t index, std::size_t base_layers,
                              const LayerContext& context) {
    return with_context(
        [&] { return describe_layer(image, index); },
        [&]() -> DecodedLayer {
            oci::LayerBlob blob = image.source->open_layer(image.manifest, image.config, index);
            if (index < base_layers)
                return read_base_layer(image, index, base_layers, std::move(blob), context);
            const oci::Digest& diff_id = image.config.diff_ids[index];
            const FileDigests digests = wanted_digests(blob);
            return {.content = read_layer(std::move(blob), diff_id, context, digests), .commit = {}};
        });
}

ReadLayers read_layers(const oci::Image& image, std::size_t base_layers, ImageLayers layers,
                       ObjectWriter& writer, unsigned threads, Progress& progress, ImageBudget& budget) {
    ReadLayers out;
    out.layers = std::move(layers);
    const std::vector<ImageLayer*> unread = without_content(out.layers);
    for (const ImageLayer* const layer : unread) out.bytes_read += blob_size(image, *layer);
    if (!unread.empty()) progress.begin("reading layers", out.bytes_read);

    TaskPool pool(threads);
    const LayerContext context{writer, pool, progress, budget};
    for (ImageLayer* const layer : by_size(image, unread)) {
        pool.add_producer([&, layer] {
            DecodedLayer decoded = read_image_layer(image, layer->index, base_layers, context);
            layer->content = std::move(decoded.content);
            // Only one layer has the commit, so no other thread writes this.
            if (layer->kind == LayerKind::commit) out.commit = std::move(decoded.commit);
        });
    }
    pool.run();
    for (const ImageLayer* const layer : unread) out.new_ones.push_back(layer->content);
    return out;
}

}  // namespace osb::ostree

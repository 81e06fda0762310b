#include "ostree/import/layer_reuse.hh"

#include <atomic>
#include <memory>
#include <utility>

#include "base/error.hh"
#include "base/log.hh"
#include "base/task_pool.hh"
#include "ostree/import/known_layers.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/import/layer_table.hh"
#include "ostree/tree/commit.hh"

namespace osb::ostree {
namespace {

// Layers that the repository knows from earlier imports, whether or not their objects exist.
ImageLayers find_known_layers(const Repository& repository, const oci::Image& image, std::size_t base_layers,
                              ImageBudget& budget) {
    ImageLayers out = distinct_layers(image, base_layers);
    for (std::size_t i = 0; i < out.positions.size(); ++i) {
        ImageLayer& layer = out.at(i);
        if (layer.index != i) continue;
        with_context([&] { return describe_layer(image, i); },
                     [&] {
                         layer.content = find_known_layer(repository, image, i, layer.kind);
                         charge(budget, layer.content.get());
                     });
    }
    return out;
}

void drop_content(ImageLayer& layer, ImageBudget& budget) {
    give_back(budget, *layer.content);
    layer.content.reset();
}

struct WholeLayers {
    ImageLayers layers;             // those whose objects all exist have content
    std::uint64_t table_bytes = 0;  // bytes of tables of contents that were read
};

WholeLayers keep_whole_layers(ImageLayers layers, const oci::Image& image, bool expect_objects,
                              const ObjectWriter& writer, unsigned threads, ImageBudget& budget) {
    std::atomic<std::uint64_t> table_bytes{0};
    TaskPool pool(threads);
    for (ImageLayer& layer : layers.distinct) {
        const bool may_be_here = expect_objects && layer.kind == LayerKind::objects;
        if (layer.content == nullptr && !may_be_here) continue;
        pool.add_producer([&image, &writer, &budget, &table_bytes, &layer] {
            if (layer.content == nullptr) {
                LayerTable table = find_layer_table(image, layer.index);
                layer.content = std::move(table.layer);
                charge(budget, layer.content.get());
                table_bytes += table.bytes_read;
            }
            if (layer.content == nullptr || holds_all_files(writer, *layer.content)) return;
            drop_content(layer, budget);
        });
    }
    pool.run();
    return {.layers = std::move(layers), .table_bytes = table_bytes};
}

std::optional<ImageBase> find_whole_base(const Repository& repository, const ImageLayers& layers,
                                         std::size_t base_layers, const ObjectWriter& writer,
                                         ImageBudget& budget) {
    const CommitId base = layers.at(0).content->commit.value();
    try {
        const GVariantPtr commit_object = load_commit(repository, base);
        bool known = commit_object != nullptr;
        for (std::size_t i = 0; i < base_layers; ++i) known = known && layers.at(i).content != nullptr;
        if (known) {
            return read_base(base, bytes_of(commit_object.get()), layers, base_layers, writer, budget);
        }
    } catch (const Error& error) {
        log_debug(concat("the base commit ", base, " is read again: ", error.message()));
    }
    return std::nullopt;
}

}  // namespace

ReusedLayers find_reused_layers(const Repository& repository, const oci::Image& image,
                                std::size_t base_layers, bool expect_objects, const ObjectWriter& writer,
                                unsigned threads, ImageBudget& budget) {
    WholeLayers whole = keep_whole_layers(find_known_layers(repository, image, base_layers, budget), image,
                                          expect_objects, writer, threads, budget);
    ReusedLayers out{
        .layers = std::move(whole.layers), .base = std::nullopt, .table_bytes = whole.table_bytes};
    if (base_layers == 0 || out.layers.at(0).content == nullptr) return out;
    out.base = find_whole_base(repository, out.layers, base_layers, writer, budget);
    if (!out.base) drop_content(out.layers.at(0), budget);
    return out;
}

}  // namespace osb::ostree

#include "ostree/import/layer_reuse.hh"

#include <memory>
#include <utility>

#include "base/error.hh"
#include "base/log.hh"
#include "base/task_pool.hh"
#include "ostree/import/fetch_plan.hh"
#include "ostree/import/file_fetch.hh"
#include "ostree/import/keep_fetched.hh"
#include "ostree/import/known_layers.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/tree/commit.hh"

namespace osb::ostree {
namespace {

// Layers that the repository knows from earlier imports, whether or not their objects exist.
ImageLayers find_known_layers(const Repository& repository, const oci::Image& image, std::size_t base_layers,
                              Evidence evidence, ImageBudget& budget) {
    ImageLayers out = distinct_layers(image, base_layers);
    for (std::size_t i = 0; i < out.positions.size(); ++i) {
        ImageLayer& layer = out.at(i);
        if (layer.index != i) continue;
        with_context([&] { return describe_layer(image, i); },
                     [&] {
                         layer.content = find_known_layer(repository, image, i, layer.kind, evidence);
                         charge(budget, layer.content.get());
                     });
    }
    return out;
}

void drop_content(ImageLayer& layer, ImageBudget& budget) {
    give_back(budget, *layer.content);
    layer.content.reset();
}

// Drops the content of layers of which an object is missing.
void keep_whole_layers(ImageLayers& layers, const ReuseContext& context) {
    TaskPool pool(context.threads);
    for (ImageLayer& layer : layers.distinct) {
        if (layer.content == nullptr) continue;
        pool.add_producer([&context, &layer] {
            if (!holds_all_files(context.writer, *layer.content)) drop_content(layer, context.budget);
        });
    }
    pool.run();
}

// The layers without content: those with a part of the commit, and ordinary ones.
UnreadLayers unread_of(const ImageLayers& layers) {
    UnreadLayers out;
    for (const ImageLayer& layer : layers.distinct) {
        if (layer.content != nullptr) continue;
        (layer.kind == LayerKind::ordinary ? out.ordinary : out.of_base).push_back(layer.index);
    }
    return out;
}

std::uint64_t unread_bytes(const oci::Image& image, const ImageLayers& layers) {
    std::uint64_t out = 0;
    for (const oci::Descriptor* blob : unread_blobs(image, layers)) out += blob->size;
    return out;
}

void take_fetched(ReusedLayers& out, ImageLayer& layer, std::shared_ptr<const Layer> content,
                  ImageBudget& budget) {
    if (content == nullptr) return;
    // What the table lists may be more than what the layer holds, so reading the layer may do.
    if (!try_charge(budget, *content)) {
        log_debug(concat("layer ", content->diff_id().short_string(), " is read whole: beyond the limits"));
        return;
    }
    layer.content = content;
    out.fetched.push_back(std::move(content));
}

void fetch_objects(ReusedLayers& out, const ReuseContext& context) {
    const std::vector<std::size_t> unread = unread_of(out.layers).of_base;
    if (unread.empty()) return;
    ObjectFetch fetch(context.repository, context.image, unread, context.tables, context.way,
                      context.threads);
    fetch_and_keep([&] { fetch.run(context.writer, context.progress); },
                   [&] { keep_layers(context.transaction, context.writer, {}); });
    for (ImageLayer& layer : out.layers.distinct) {
        if (layer.content != nullptr || layer.kind == LayerKind::ordinary) continue;
        take_fetched(out, layer, fetch.layer(layer.index), context.budget);
        if (layer.content != nullptr && layer.kind == LayerKind::commit) out.commit = fetch.commit();
    }
    out.bytes_read += fetch.bytes_fetched();
}

void fetch_files(ReusedLayers& out, const ReuseContext& context) {
    const std::vector<std::size_t> unread = unread_of(out.layers).ordinary;
    if (unread.empty()) return;
    FileFetch fetch(context.repository, context.image, unread, context.tables, context.way, context.threads);
    fetch_and_keep(
        [&] { fetch.run(context.writer, context.progress); },
        [&] { keep_layers(context.transaction, context.writer, fetch.partial_layers(context.writer)); });
    fetch.build(context.writer, context.progress);
    for (ImageLayer& layer : out.layers.distinct) {
        if (layer.content == nullptr && layer.kind == LayerKind::ordinary)
            take_fetched(out, layer, fetch.layer(layer.index), context.budget);
    }
    out.bytes_read += fetch.bytes_fetched();
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

bool has_commit_of_base(const Repository& repository, const CommitId& commit) {
    try {
        return load_commit(repository, commit) != nullptr;
    } catch (const Error& error) {
        // The repository was pruned or damaged, so the layer is read again.
        log_debug(concat("the base commit ", commit, " is read again: ", error.message()));
        return false;
    }
}

}  // namespace

ReusedLayers find_reused_layers(const ReuseContext& context, std::size_t base_layers) {
    ReusedLayers out;
    out.layers = find_known_layers(context.repository, context.image, base_layers, evidence_for(context.way),
                                   context.budget);
    keep_whole_layers(out.layers, context);
    // A first layer that is known is worth something only if the repository has its commit, too.
    if (base_layers > 0 && out.layers.at(0).content != nullptr &&
        !has_commit_of_base(context.repository, out.layers.at(0).content->commit.value())) {
        drop_content(out.layers.at(0), context.budget);
    }
    out.layer_bytes = unread_bytes(context.image, out.layers);
    fetch_objects(out, context);
    fetch_files(out, context);
    out.bytes_read += context.tables.bytes_read();
    if (base_layers == 0) return out;
    if (out.commit.commit || out.layers.at(0).content == nullptr) return out;
    out.base = find_whole_base(context.repository, out.layers, base_layers, context.writer, context.budget);
    if (!out.base) drop_content(out.layers.at(0), context.budget);
    return out;
}

}  // namespace osb::ostree

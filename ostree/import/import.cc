#include "ostree/import/import.hh"

#include <sys/stat.h>

#include <algorithm>
#include <optional>
#include <utility>

#include "ostree/import/base_commit.hh"
#include "ostree/import/delta_import.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/image_metadata.hh"
#include "ostree/import/import_plan.hh"
#include "ostree/import/import_publish.hh"
#include "ostree/import/imported_commit.hh"
#include "ostree/import/layer_merge.hh"
#include "ostree/import/layer_reading.hh"
#include "ostree/import/layer_reuse.hh"
#include "ostree/import/layer_space.hh"
#include "ostree/import/tree_layout.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/staging.hh"
#include "ostree/tree/commit.hh"
#include "ostree/tree/metadata_objects.hh"

namespace osb::ostree {
namespace {

// The result, from the image, the plan and the commit. Counts of bytes and objects are missing.
ImportResult describe_import(const oci::Image& image, const ImportPlan& plan, ImportedCommit commit,
                             std::size_t layers_reused) {
    ImportResult out{{}, commit.id, plan.ref};
    out.parent = commit.parent;
    out.base = commit.base;
    out.unchanged = commit.unchanged;
    out.signatures_added = commit.signatures_added;
    out.manifest_digest = image.manifest.digest.to_string();
    out.version = image_version(image);
    out.kernel = std::move(commit.kernel);
    out.layers = image.manifest.layers.size();
    out.layers_reused = commit.found ? out.layers : layers_reused;
    out.notes = std::move(commit.notes);
    return out;
}

// The commit inside the image, whose layers must all have content; nullopt if it has none.
std::optional<ImageBase> find_base(const oci::Image& image, const ImportPlan& plan,
                                   std::optional<ImageBase> reused, const ReadLayers& read,
                                   const ObjectWriter& writer, ImageBudget& budget) {
    if (plan.base_layers == 0) return std::nullopt;
    std::optional<ImageBase> out = std::move(reused);
    if (!out) {
        out = read_base(read.commit.commit.value(), as_bytes(read.commit.commit_object), read.layers,
                        plan.base_layers, writer, budget);
    }
    check_promised_commit(image, out->commit.id);
    return out;
}

// The tree of an image without a commit, in the layout of the plan.
LaidOutTree make_tree(const oci::Image& image, const ImportPlan& plan, const ImageLayers& layers,
                      ObjectWriter& writer, ImageBudget& budget) {
    std::vector<std::string> dropped;
    Node merged = merge_layers(image, layers, budget, &dropped);
    LaidOutTree out = lay_out(std::move(merged), plan.layout, nullptr, link_store(writer), budget);
    out.dropped = std::move(dropped);
    return out;
}

// The same for an image that is built on a commit. Takes the commit's tree out of `base`.
LaidOutTree make_derived_tree(const oci::Image& image, const ImportPlan& plan, const ImageLayers& layers,
                              ImageBase& base, ObjectWriter& writer, ImageBudget& budget) {
    const DerivedLayout derived(base.tree.root);
    if (plan.is_only_base && fits_layout(is_laid_out(base.tree.root), plan.layout)) {
        // Nothing was moved, so the kernel is at the path in the commit.
        const GVariantPtr metadata = metadata_of(base.commit.commit_object.get());
        return {.root = std::move(base.tree.root),
                .kernel = lookup_string(metadata.get(), "ostree.linux"),
                .notes = {},
                .dropped = {}};
    }
    std::vector<std::string> dropped;
    Node merged = merge_onto_base(image, layers, plan.base_layers, std::move(base.tree), budget, &dropped);
    LaidOutTree out = lay_out(std::move(merged), plan.layout, &derived, link_store(writer), budget);
    out.dropped = std::move(dropped);
    return out;
}

std::string_view way_of(const ReusedLayers& reused, bool read_layers) {
    const auto is_of_commit = [](const std::shared_ptr<const Layer>& layer) {
        return layer->kind() != LayerKind::ordinary;
    };
    if (std::any_of(reused.fetched.begin(), reused.fetched.end(), is_of_commit)) return "objects";
    if (!reused.fetched.empty()) return "files";
    return read_layers ? "layers" : "none";
}

bool has_layer_of_table(const ImageLayers& layers) {
    return std::any_of(layers.distinct.begin(), layers.distinct.end(), [](const ImageLayer& layer) {
        return layer.content != nullptr && layer.content->table.has_value();
    });
}

// Imports an image that is not in the repository yet. Each stage uses the results of the previous ones.
ImportResult import_new(Repository& repository, const oci::Image& image, const ImportPlan& plan,
                        const ImportOptions& options, FetchWay way, Progress& progress, bool& uses_tables) {
    const unsigned threads = options.jobs;  // 0: one per core
    ImageBudget budget(image.limits);
    Transaction transaction(repository);
    ObjectWriter writer(repository);
    ImageTables own_tables(image);
    ImageTables& tables = options.tables == nullptr ? own_tables : *options.tables;
    ReusedLayers reused = find_reused_layers({.repository = repository,
                                              .image = image,
                                              .tables = tables,
                                              .transaction = transaction,
                                              .writer = writer,
                                              .budget = budget,
                                              .progress = progress,
                                              .way = way,
                                              .threads = threads},
                                             plan.base_layers);
    uses_tables = has_layer_of_table(reused.layers);
    const std::size_t layers_reused = count_with_content(reused.layers);
    check_space_for(repository, unread_blobs(image, reused.layers));
    ReadLayers read =
        read_layers(image, plan.base_layers, std::move(reused.layers), writer, threads, progress, budget);
    if (reused.commit.commit) read.commit = std::move(reused.commit);
    const std::string_view way_taken = way_of(reused, !read.new_ones.empty());
    read.new_ones.insert(read.new_ones.end(), reused.fetched.begin(), reused.fetched.end());
    progress.begin("writing the commit", std::nullopt);
    std::optional<ImageBase> base = find_base(image, plan, std::move(reused.base), read, writer, budget);
    const LaidOutTree tree = base ? make_derived_tree(image, plan, read.layers, *base, writer, budget)
                                  : make_tree(image, plan, read.layers, writer, budget);
    const WrittenObjects objects = write_objects(writer, tree.root, read.new_ones, threads);
    ImportedCommit commit = publish_import(repository, transaction, writer, image, plan,
                                           {.objects = objects,
                                            .new_layers = read.new_ones,
                                            .held_commit = read.commit,
                                            .base = base ? &base->commit : nullptr,
                                            .kernel = tree.kernel});
    commit.notes.insert(commit.notes.begin(), tree.notes.begin(), tree.notes.end());
    ImportResult result = describe_import(image, plan, std::move(commit), layers_reused);
    result.bytes_read = read.bytes_read + reused.bytes_read;
    result.transfer = describe_transfer(image, way_taken, result.bytes_read, reused.layer_bytes);
    result.dropped = tree.dropped;
    result.objects_written = writer.objects_written();
    result.bytes_written = writer.bytes_written();
    return result;
}

std::optional<ImportResult> import_with_delta(Repository& repository, const oci::Image& image,
                                              const ImportPlan& plan, const ImportOptions& options,
                                              Progress& progress) {
    ImageDeltas own_deltas(image);
    ImageDeltas& deltas = options.deltas == nullptr ? own_deltas : *options.deltas;
    std::optional<ImportedByDelta> imported =
        import_by_delta(repository, image, plan, deltas, options.fetch, options.jobs, progress);
    if (!imported) return std::nullopt;
    ImportResult out = describe_import(image, plan, std::move(imported->commit), 0);
    out.bytes_read = imported->fetched.bytes_read;
    out.transfer = describe_transfer(image, "delta", out.bytes_read, imported->layer_bytes);
    out.objects_written = imported->fetched.objects_written;
    out.bytes_written = imported->fetched.bytes_written;
    return out;
}

}  // namespace

ImportResult import_image(Repository& repository, const oci::Image& image, const ImportOptions& options,
                          Progress& progress) {
    check_fetch_way(image, options.fetch);
    const ImportPlan plan = plan_import(repository, image, options);
    std::optional<ImportedCommit> present = find_present_commit(repository, image, plan);
    // Whole layers prove what was known by a table only.
    if (options.fetch == FetchWay::layers && knows_by_table(repository, image)) present.reset();
    if (!present) {
        if (options.uses_deltas) {
            if (auto by_delta = import_with_delta(repository, image, plan, options, progress))
                return std::move(*by_delta);
        }
        return fetch_with_tables(way_without_delta(options.fetch), [&](FetchWay way, bool& uses_tables) {
            return import_new(repository, image, plan, options, way, progress, uses_tables);
        });
    }
    // A run that was killed after it had moved the ref may have left its staging directory.
    remove_abandoned_staging(ostree_repo_get_dfd(repository.handle().repo.get()));
    present->signatures_added = sign_stored_commit(repository, present->id, plan.signers);
    return describe_import(image, plan, std::move(*present), 0);
}

std::optional<ImportResult> import_image_by_delta(Repository& repository, const oci::Image& image,
                                                  const ImportOptions& options, Progress& progress) {
    check_fetch_way(image, options.fetch);
    const ImportPlan plan = plan_import(repository, image, options);
    if (find_present_commit(repository, image, plan)) return std::nullopt;
    return import_with_delta(repository, image, plan, options, progress);
}

}  // namespace osb::ostree

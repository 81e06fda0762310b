#include "ostree/import/delta_import.hh"

#include <utility>

#include "base/error.hh"
#include "ostree/import/complete_commit.hh"
#include "ostree/import/fetch_plan.hh"
#include "ostree/import/import_publish.hh"
#include "ostree/import/tree_layout.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/tree/base_tree.hh"

namespace osb::ostree {
namespace {

ImportedCommit publish(Repository& repository, const oci::Image& image, const ImportPlan& plan,
                       const Encapsulated& held) {
    const ByteView bytes = as_bytes(held.commit_object);
    const BaseCommit base{.id = held.commit.value(),
                          .commit_object = variant_from_bytes(OSTREE_COMMIT_GVARIANT_FORMAT, bytes, false),
                          .root = root_of(bytes)};
    WrittenObjects objects;
    objects.tree = {.tree = base.root.tree, .meta = base.root.meta};
    Transaction transaction(repository);
    // Inside the transaction, which keeps others from pruning objects that no ref needs yet.
    check_complete(repository, base.id, held.commit_object);
    ObjectWriter writer(repository);
    return publish_import(
        repository, transaction, writer, image, plan,
        {.objects = objects, .new_layers = {}, .held_commit = held, .base = &base, .kernel = {}});
}

}  // namespace

std::optional<ImportedByDelta> import_by_delta(Repository& repository, const oci::Image& image,
                                               const ImportPlan& plan, ImageDeltas& deltas, FetchWay way,
                                               unsigned threads, Progress& progress) {
    if (!plan.may_be_base) {
        if (way != FetchWay::delta) return std::nullopt;
        throw Error(ErrorKind::usage, "--fetch delta: a delta gives the image's own commit, not another one")
            .hint("use --fetch auto");
    }
    const std::uint64_t layer_bytes = size_of_layers(image, unread_layers(repository, image));
    const DeltaArtifact* const delta = choose_delta(repository, image, deltas, way, layer_bytes);
    if (delta == nullptr) return std::nullopt;
    std::optional<FetchedByDelta> fetched = fetch_by_delta(repository, image, *delta, way, threads, progress);
    if (!fetched) return std::nullopt;
    try {
        const RootChecksums root = root_of(as_bytes(fetched->commit.commit_object));
        if (!fits_layout(is_laid_out(repository, root), plan.layout)) {
            throw Error(ErrorKind::usage,
                        "--fetch delta: the image's commit does not have the layout, so another one is made")
                .hint("use --fetch auto, or --layout plain");
        }
        progress.begin("writing the commit", std::nullopt);
        ImportedCommit commit = publish(repository, image, plan, fetched->commit);
        return ImportedByDelta{
            .commit = std::move(commit), .fetched = std::move(*fetched), .layer_bytes = layer_bytes};
    } catch (const Error& error) {
        const bool is_incomplete = error.kind() == ErrorKind::invalid || error.kind() == ErrorKind::not_found;
        if (way == FetchWay::delta || (!is_incomplete && error.kind() != ErrorKind::usage)) throw;
        if (is_incomplete) warn_of_useless_delta(error.message());
    }
    return std::nullopt;
}

}  // namespace osb::ostree

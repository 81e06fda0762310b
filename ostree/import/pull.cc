#include "ostree/import/pull.hh"

#include <utility>
#include <vector>

#include "base/error.hh"
#include "base/log.hh"
#include "base/task_pool.hh"
#include "ostree/import/complete_commit.hh"
#include "ostree/import/delta_fetch.hh"
#include "ostree/import/encapsulated_layer.hh"
#include "ostree/import/held_commit.hh"
#include "ostree/import/image_deltas.hh"
#include "ostree/import/image_layers.hh"
#include "ostree/import/image_tables.hh"
#include "ostree/import/keep_fetched.hh"
#include "ostree/import/known_layers.hh"
#include "ostree/import/layer_reader.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/import/object_fetch.hh"
#include "ostree/objects/object_writer.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/objects/staging.hh"
#include "ostree/tree/commit_binding.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::ostree {
namespace {

// Reads these layers to their ends. Returns the bytes of their blobs.
std::uint64_t read_whole_layers(const oci::Image& image, const std::vector<std::size_t>& layers,
                                const PullOptions& options, ObjectWriter& writer, Encapsulated& found,
                                Progress& progress) {
    const std::uint64_t bytes = size_of_layers(image, layers);
    if (layers.empty()) return 0;
    progress.begin("reading layers", bytes);
    TaskPool pool(options.jobs);
    ImageBudget budget(image.limits);
    const LayerContext context{writer, pool, progress, budget};
    for (const std::size_t i : layers) {
        pool.add_producer([&, i] {
            with_context([&] { return describe_layer(image, i); },
                         [&] {
                             decode_layer(
                                 image.source->open_layer(image.manifest, image.config, i),
                                 image.config.diff_ids[i], context, [&](LayerArchive archive) {
                                     EncapsulatedLayerReader(archive, context, found, i == 0).read_all();
                                 });
                         });
        });
    }
    pool.run();
    return bytes;
}

// The layers of which an object may be missing. The first one has the commit.
std::vector<std::size_t> layers_to_fetch(const Repository& repository, const oci::Image& image,
                                         Evidence evidence, const ObjectWriter& writer) {
    std::vector<std::size_t> out;
    for (std::size_t i = 0; i < image.manifest.layers.size(); ++i) {
        const auto known =
            i == 0 ? nullptr : find_known_layer(repository, image, i, LayerKind::objects, evidence);
        if (known == nullptr || !holds_all_files(writer, *known)) out.push_back(i);
    }
    return out;
}

struct Fetched {
    Encapsulated commit;
    std::uint64_t bytes_read = 0;
    std::string_view way = "none";
};

Fetched fetch_missing(const Repository& repository, const oci::Image& image, const PullOptions& options,
                      FetchWay way, const std::vector<std::size_t>& missing, Transaction& transaction,
                      ObjectWriter& writer, Progress& progress) {
    ImageTables tables(image);
    ObjectFetch objects(repository, image, missing, tables, way, options.jobs);
    fetch_and_keep([&] { objects.run(writer, progress); }, [&] { keep_layers(transaction, writer, {}); });
    std::vector<std::size_t> whole;
    for (const std::size_t index : missing) {
        if (!objects.covers(index)) whole.push_back(index);
    }
    Fetched out{.commit = objects.commit()};
    out.bytes_read = tables.bytes_read() + objects.bytes_fetched() +
                     read_whole_layers(image, whole, options, writer, out.commit, progress);
    if (!missing.empty()) out.way = whole.size() < missing.size() ? "objects" : "layers";
    return out;
}

}  // namespace

void check_pullable(const oci::Image& image) {
    if (!is_encapsulated(image)) {
        throw Error(ErrorKind::unsupported, "the image does not contain an ostree commit")
            .hint("use 'osb-oci import' to make one");
    }
    if (encapsulated_layers(image) != image.manifest.layers.size()) {
        throw Error(ErrorKind::unsupported, "the image has further layers on top of its ostree commit")
            .hint("use 'osb-oci import' to make a commit of all layers");
    }
}

namespace {

// Writes the commit, whose objects are there, and sets the ref.
void publish(Repository& repository, Transaction& transaction, const Encapsulated& found,
             const std::optional<RefName>& ref) {
    const CommitId& commit = found.commit.value();  // a first layer without a commit was rejected
    check_complete(repository, commit, found.commit_object);
    transaction.lock_refs();
    transaction.write_commit(commit, found.commit_object, found.detached, Preferred::present);
    if (ref) {
        const GVariantPtr commit_object =
            variant_from_bytes(OSTREE_COMMIT_GVARIANT_FORMAT, as_bytes(found.commit_object), false);
        warn_in_collection(repository, commit_object.get(), *ref);
        transaction.set_ref(*ref, commit);
    }
    transaction.commit();
}

PullResult describe(const oci::Image& image, const PullOptions& options, const CommitId& commit) {
    return {.commit = commit,
            .ref = options.ref,
            .manifest_digest = image.manifest.digest.to_string(),
            .layers = image.manifest.layers.size()};
}

PullResult pull(Repository& repository, const oci::Image& image, const PullOptions& options, FetchWay way,
                Progress& progress, bool& uses_tables) {
    Transaction transaction(repository);
    ObjectWriter writer(repository);
    const std::vector<std::size_t> missing = layers_to_fetch(repository, image, evidence_for(way), writer);
    const Fetched fetched =
        fetch_missing(repository, image, options, way, missing, transaction, writer, progress);
    const bool knows_layers = missing.size() < image.manifest.layers.size();
    uses_tables = fetched.way == "objects" || (knows_layers && evidence_for(way) == Evidence::tables);
    check_promised_commit(image, fetched.commit.commit.value());
    check_required_commit(options.required_commit, *fetched.commit.commit);
    progress.begin("writing the commit", std::nullopt);
    writer.publish();
    publish(repository, transaction, fetched.commit, options.ref);
    PullResult out = describe(image, options, *fetched.commit.commit);
    out.bytes_read = fetched.bytes_read;
    out.transfer = describe_transfer(image, fetched.way, fetched.bytes_read, size_of_layers(image, missing));
    out.objects_written = writer.objects_written();
    out.bytes_written = writer.bytes_written();
    return out;
}

// Pulls a commit that the repository has with all objects: the image may have other signatures. nullopt if it
// has not, or if something of the commit turns out to be missing.
std::optional<PullResult> pull_present(Repository& repository, const oci::Image& image,
                                       const PullOptions& options, Progress& progress) {
    const std::optional<CommitId> promised = promised_whole_commit(image);
    if (options.fetch == FetchWay::layers || !promised || !has_whole_commit(repository, *promised))
        return std::nullopt;
    progress.begin("writing the commit", std::nullopt);
    try {
        const Encapsulated held = fetch_held_commit(image);
        check_promised_commit(image, held.commit.value());
        check_required_commit(options.required_commit, *held.commit);
        Transaction transaction(repository);
        publish(repository, transaction, held, options.ref);
        remove_abandoned_staging(ostree_repo_get_dfd(repository.handle().repo.get()));
    } catch (const Error& error) {
        if (exit_status(error.kind()) != 3 && error.kind() != ErrorKind::not_found) throw;
        log_debug(concat("the commit is not complete: ", error.message()));
        return std::nullopt;
    }
    PullResult out = describe(image, options, *promised);
    out.transfer = describe_transfer(image, "none", 0, 0);
    return out;
}

std::optional<PullResult> pull_by_delta(Repository& repository, const oci::Image& image,
                                        const PullOptions& options, Progress& progress) {
    ImageDeltas deltas(image);
    const std::uint64_t layer_bytes = size_of_layers(image, unread_layers(repository, image));
    const DeltaArtifact* const delta = choose_delta(repository, image, deltas, options.fetch, layer_bytes);
    if (delta == nullptr) return std::nullopt;
    const auto fetched = fetch_by_delta(repository, image, *delta, options.fetch, options.jobs, progress);
    if (!fetched) return std::nullopt;
    check_required_commit(options.required_commit, *fetched->commit.commit);
    progress.begin("writing the commit", std::nullopt);
    try {
        Transaction transaction(repository);
        publish(repository, transaction, fetched->commit, options.ref);
    } catch (const Error& error) {
        if (options.fetch == FetchWay::delta || error.kind() != ErrorKind::invalid) throw;
        warn_of_useless_delta(error.message());
        return std::nullopt;
    }
    PullResult out = describe(image, options, *fetched->commit.commit);
    out.bytes_read = fetched->bytes_read;
    out.transfer = describe_transfer(image, "delta", fetched->bytes_read, layer_bytes);
    out.objects_written = fetched->objects_written;
    out.bytes_written = fetched->bytes_written;
    return out;
}

}  // namespace

PullResult pull_image(Repository& repository, const oci::Image& image, const PullOptions& options,
                      Progress& progress) {
    check_pullable(image);
    check_fetch_way(image, options.fetch);
    if (auto present = pull_present(repository, image, options, progress)) return std::move(*present);
    if (auto by_delta = pull_by_delta(repository, image, options, progress)) return std::move(*by_delta);
    return fetch_with_tables(way_without_delta(options.fetch), [&](FetchWay way, bool& uses_tables) {
        return pull(repository, image, options, way, progress, uses_tables);
    });
}

}  // namespace osb::ostree

#include "ostree/import/import_publish.hh"

#include <optional>
#include <utility>

#include "base/task_pool.hh"
#include "ostree/import/commit_metadata.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/layer_store.hh"
#include "ostree/import/tree_layout.hh"
#include "ostree/objects/repository_handle.hh"
#include "ostree/tree/commit.hh"
#include "ostree/tree/commit_binding.hh"

namespace osb::ostree {
namespace {

// Returns the commit of a concurrent import of the same image that was faster.
std::optional<ImportedCommit> find_quicker_import(const Repository& repository, const oci::Image& image,
                                                  const ImportPlan& plan, const std::optional<CommitId>& base,
                                                  const std::optional<CommitId>& present) {
    if (plan.required_commit) return std::nullopt;  // the result of an import is a commit of its own
    const bool has_moved = present && *present != commit_parent(plan, base, std::nullopt);
    if (!has_moved || plan.parent_choice != Parent::automatic) return std::nullopt;
    return find_earlier_import(repository, image, plan, *present);
}

void save_layers(Transaction& transaction, const NewImport& import) {
    for (std::size_t i = 0; i < import.new_layers.size(); ++i) {
        save_layer(transaction, import.objects.layer_commits[i].get(), *import.new_layers[i]);
    }
    const Encapsulated& held = import.held_commit;
    if (held.commit)
        transaction.write_commit(*held.commit, held.commit_object, held.detached, Preferred::present);
}

bool is_tree_of(const WrittenTree& tree, const BaseCommit& base) {
    return tree.tree == base.root.tree && tree.meta == base.root.meta;
}

// Returns the commit inside the image as the result.
ImportedCommit take_base(const Repository& repository, const ImportPlan& plan, const BaseCommit& base,
                         const std::optional<CommitId>& present) {
    ImportedCommit out{.id = base.id,
                       .parent = parent_of(base.commit_object.get()),
                       .base = base.id,
                       .kernel = lookup_string(metadata_of(base.commit_object.get()).get(), "ostree.linux"),
                       .unchanged = present == base.id,
                       .found = false,
                       .notes = {concat("the image holds the commit ", base.id,
                                        " and nothing else: it is stored unchanged")}};
    if (!out.unchanged) warn_in_collection(repository, base.commit_object.get(), plan.ref);
    return out;
}

ImportedCommit write_own_commit(const Repository& repository, Transaction& transaction,
                                const oci::Image& image, const ImportPlan& plan, const NewImport& import,
                                const std::optional<CommitId>& present) {
    std::optional<CommitId> base;
    if (import.base != nullptr) base = import.base->id;
    const std::optional<CommitId> parent = commit_parent(plan, base, present);
    const GVariantPtr metadata = commit_metadata(image, {.layout = layout_name(plan.layout),
                                                         .kernel = import.kernel,
                                                         .base = base,
                                                         .collection = collection_of(repository),
                                                         .ref = plan.ref});
    const CommitId id = transaction.write_commit(make_commit({.metadata = metadata.get(),
                                                              .parent = parent,
                                                              .subject = plan.subject,
                                                              .time = image_time(image),
                                                              .root = import.objects.tree})
                                                     .get());
    return {.id = id,
            .parent = parent,
            .base = base,
            .kernel = import.kernel,
            .unchanged = false,
            .found = false,
            .notes = {}};
}

// `base`: the commit inside the image, if it is the result.
void check_requirement(const ImportPlan& plan, const BaseCommit* base) {
    if (!plan.required_commit) return;
    if (base != nullptr) return check_required_commit(plan.required_commit, base->id);
    throw Error(
        ErrorKind::untrusted,
        concat("commit ", *plan.required_commit, " does not have the layout ", layout_name(plan.layout),
               ", and a new commit with that layout does not have the required signature"))
        .hint("'osb-oci pull' takes the commit as it is");
}

void forget_other_layers(Transaction& transaction, const Repository& repository, const oci::Image& image) {
    std::vector<oci::Digest> used;
    for (const std::string& name :
         layer_names(image.manifest, image.config.diff_ids, image.manifest.layers.size()))
        used.push_back(oci::Digest::parse(name));
    forget_unused_layers(transaction, repository, used);
}

}  // namespace

WrittenObjects write_objects(ObjectWriter& writer, const Node& root, const NewLayers& new_layers,
                             unsigned threads) {
    check_directory_sizes(root);
    WrittenObjects out;
    out.layer_commits.resize(new_layers.size());
    TaskPool pool(threads);
    pool.add_producer([&] { out.tree = write_tree(writer, root); });
    for (std::size_t i = 0; i < new_layers.size(); ++i) {
        pool.add_producer([&, i] { out.layer_commits[i] = make_layer_commit(writer, *new_layers[i]); });
    }
    pool.run();
    return out;
}

ImportedCommit publish_import(const Repository& repository, Transaction& transaction, ObjectWriter& writer,
                              const oci::Image& image, const ImportPlan& plan, const NewImport& import) {
    // Make objects durable first, then the commits that need them, then the refs.
    writer.publish();
    transaction.lock_refs();
    const std::optional<CommitId> present = repository.resolve(plan.ref.text());
    const BaseCommit* const base = import.base;
    std::optional<CommitId> base_id;
    if (base != nullptr) base_id = base->id;
    if (auto quicker = find_quicker_import(repository, image, plan, base_id, present)) {
        quicker->signatures_added = sign_commit(repository, transaction, quicker->id, plan.signers);
        if (quicker->signatures_added > 0) transaction.commit();
        return std::move(*quicker);
    }
    const bool is_base = base != nullptr && plan.may_be_base && is_tree_of(import.objects.tree, *base);
    check_requirement(plan, is_base ? base : nullptr);
    save_layers(transaction, import);
    ImportedCommit out = is_base ? take_base(repository, plan, *base, present)
                                 : write_own_commit(repository, transaction, image, plan, import, present);
    out.signatures_added = sign_commit(repository, transaction, out.id, plan.signers);
    transaction.set_ref(plan.ref, out.id);
    forget_other_layers(transaction, repository, image);
    transaction.commit();
    return out;
}

}  // namespace osb::ostree

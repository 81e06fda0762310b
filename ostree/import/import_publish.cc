#include "ostree/import/import_publish.hh"

#include <optional>
#include <utility>

#include "base/log.hh"
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

// The commit that this import makes with the given parent and subject.
GVariantPtr make_import_commit(const Repository& repository, const oci::Image& image, const ImportPlan& plan,
                               const NewImport& import, const std::optional<CommitId>& parent,
                               const std::string& subject) {
    std::optional<CommitId> base;
    if (import.base != nullptr) base = import.base->id;
    const GVariantPtr metadata = commit_metadata(image, {.layout = layout_name(plan.layout),
                                                         .kernel = import.kernel,
                                                         .base = base,
                                                         .collection = collection_of(repository),
                                                         .ref = plan.ref});
    return make_commit({.metadata = metadata.get(),
                        .parent = parent,
                        .subject = subject,
                        .time = image_time(image),
                        .root = import.objects.tree});
}

// Returns the ref's commit if an import of the same image made it: earlier, or concurrently and faster. The
// author of an encapsulated image chooses what the metadata of its commit say, so the commit counts only if
// this import would make the same one, bit by bit.
std::optional<ImportedCommit> find_same_import(const Repository& repository, const oci::Image& image,
                                               const ImportPlan& plan, const NewImport& import,
                                               const std::optional<CommitId>& present) {
    // The commit of an import is not the one that is signed.
    if (plan.required_commit || !present) return std::nullopt;
    std::optional<ImportedCommit> found = find_earlier_import(repository, image, plan, *present);
    if (!found) return std::nullopt;
    const std::string subject = subject_of(load_commit(repository, *present).get());
    const GVariantPtr same = make_import_commit(repository, image, plan, import, found->parent, subject);
    if (CommitId(sha256(bytes_of(same.get()))) == *present) {
        found->found = import.new_layers.empty();
        return found;
    }
    log_debug(concat("commit ", *present, " says that it is this image, and is not"));
    return std::nullopt;
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
    const CommitId id = transaction.write_commit(
        make_import_commit(repository, image, plan, import, parent, plan.subject).get());
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
    if (auto same = find_same_import(repository, image, plan, import, present)) {
        same->signatures_added = sign_commit(repository, transaction, same->id, plan.signers);
        save_layers(transaction, import);
        forget_other_layers(transaction, repository, image);
        transaction.commit();
        return std::move(*same);
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

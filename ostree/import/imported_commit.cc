#include "ostree/import/imported_commit.hh"

#include "ostree/import/commit_metadata.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/import/known_layers.hh"
#include "ostree/import/tree_layout.hh"
#include "ostree/tree/base_tree.hh"
#include "ostree/tree/commit.hh"
#include "ostree/tree/commit_binding.hh"
#include "ostree/tree/commit_info.hh"
#include "ostree/tree/commit_walk.hh"

namespace osb::ostree {
namespace {

std::optional<ImportedCommit> find_held_commit(const Repository& repository, const oci::Image& image,
                                               const ImportPlan& plan, const CommitId& commit) {
    if (!plan.may_be_base || commit != promised_commit(image)) return std::nullopt;
    if (known_commit(repository, image) != commit) return std::nullopt;
    const GVariantPtr commit_object = load_commit(repository, commit);
    if (!commit_object) return std::nullopt;
    const bool laid_out = is_laid_out(repository, root_of(bytes_of(commit_object.get())));
    if (!fits_layout(laid_out, plan.layout)) return std::nullopt;
    return ImportedCommit{.id = commit,
                          .parent = parent_of(commit_object.get()),
                          .base = commit,
                          .kernel = lookup_string(metadata_of(commit_object.get()).get(), "ostree.linux"),
                          .unchanged = true,
                          .found = true,
                          .notes = {}};
}

}  // namespace

std::optional<ImportedCommit> find_earlier_import(const Repository& repository, const oci::Image& image,
                                                  const ImportPlan& plan, const CommitId& commit) {
    // A pruned or damaged repository may have a ref without its commit. As ostree commit does, the import
    // continues the ref.
    if (!has_commit_object(repository, commit)) return std::nullopt;
    const GVariantPtr commit_object = load_commit(repository, commit);
    if (!commit_object) return std::nullopt;
    const GVariantPtr metadata = metadata_of(commit_object.get());
    if (!is_import_of(metadata.get(), image, layout_name(plan.layout))) return std::nullopt;
    if (is_refused_in_collection(repository, commit_object.get(), plan.ref)) return std::nullopt;
    const std::optional<CommitId> parent = parent_of(commit_object.get());
    if (plan.parent_choice != Parent::automatic && parent != plan.parent) return std::nullopt;
    return ImportedCommit{.id = commit,
                          .parent = parent,
                          .base = CommitId::try_parse(lookup_string(metadata.get(), "osb.import.base")),
                          .kernel = lookup_string(metadata.get(), "ostree.linux"),
                          .unchanged = true,
                          .found = true,
                          .notes = {}};
}

std::optional<ImportedCommit> find_present_commit(const Repository& repository, const oci::Image& image,
                                                  const ImportPlan& plan) {
    if (!plan.present) return std::nullopt;
    if (plan.required_commit && plan.required_commit != plan.present) return std::nullopt;
    return find_held_commit(repository, image, plan, *plan.present);
}

}  // namespace osb::ostree

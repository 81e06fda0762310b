#include "ostree/import/import_plan.hh"

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/tree/commit.hh"
#include "ostree/tree/commit_info.hh"

namespace osb::ostree {
namespace {

CommitId find_parent(const Repository& repository, const std::string& rev) {
    const std::optional<CommitId> parent = repository.resolve(rev);
    if (!parent || !has_commit_object(repository, *parent)) {
        throw revision_not_found(repository, rev,
                                 concat("the parent commit ", quoted(rev), " is not in the repository"));
    }
    return *parent;
}

}  // namespace

ImportPlan plan_import(const Repository& repository, const oci::Image& image, const ImportOptions& options) {
    check_subject(options.subject);
    check_signers(options.signers);
    const std::string machine = oci::machine_name(image.config.platform);
    ImportPlan plan{
        .ref = options.ref ? *options.ref : RefName::parse(concat("os/", machine, '/', options.name)),
        .layout = options.layout,
        .subject = options.subject};
    plan.base_layers = encapsulated_layers(image);
    plan.is_only_base = plan.base_layers > 0 && plan.base_layers == image.manifest.layers.size();
    plan.may_be_base = plan.is_only_base && options.parent == Parent::automatic && options.subject.empty();
    plan.required_commit = options.required_commit;
    plan.signers = options.signers;
    if (plan.required_commit && !plan.may_be_base) {
        throw Error(ErrorKind::usage,
                    "a parent or a subject makes a new commit, which does not have the required signature");
    }
    plan.present = repository.resolve(plan.ref.text());
    plan.parent_choice = options.parent;
    if (options.parent == Parent::commit) plan.parent = find_parent(repository, options.parent_commit);
    return plan;
}

std::optional<CommitId> commit_parent(const ImportPlan& plan, const std::optional<CommitId>& base,
                                      const std::optional<CommitId>& present) {
    if (plan.parent_choice != Parent::automatic) return plan.parent;
    if (base) return base;
    return present ? present : plan.present;
}

}  // namespace osb::ostree

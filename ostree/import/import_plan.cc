#include "ostree/import/import_plan.hh"

#include "base/error.hh"
#include "base/escape.hh"
#include "ostree/import/encapsulated_image.hh"
#include "ostree/objects/repository_handle.hh"

namespace osb::ostree {
namespace {

bool has_commit(const Repository& repository, const std::string& checksum) {
    gboolean present = FALSE;
    GErrorSlot error;
    error.check(ostree_repo_has_object(repository.handle().repo.get(), OSTREE_OBJECT_TYPE_COMMIT,
                                       checksum.c_str(), &present, nullptr, error.out()) != 0,
                concat("cannot look up the commit ", checksum));
    return present != FALSE;
}

std::string find_parent(const Repository& repository, const std::string& rev) {
    const std::optional<std::string> parent = repository.resolve(rev);
    if (!parent || !has_commit(repository, *parent)) {
        throw revision_not_found(repository, rev,
                                 concat("the parent commit ", quoted(rev), " is not in the repository"));
    }
    return *parent;
}

std::optional<std::string> chosen_parent(const Repository& repository, const ImportOptions& options) {
    switch (options.parent) {
        case Parent::automatic:
            return std::nullopt;
        case Parent::none:
            return "";
        case Parent::commit:
            return find_parent(repository, options.parent_commit);
    }
    return std::nullopt;
}

}  // namespace

ImportPlan plan_import(const Repository& repository, const oci::Image& image, const ImportOptions& options) {
    if (!is_utf8(options.subject) || options.subject.find('\0') != std::string::npos) {
        throw Error(ErrorKind::usage, concat("the subject ", quoted(options.subject), " is not UTF-8"));
    }
    if (image.manifest.layers.empty()) throw Error(ErrorKind::invalid, "the image has no layers");
    ImportPlan plan{.layout = options.layout, .subject = options.subject};
    plan.base_layers = encapsulated_layers(image);
    plan.is_only_base = plan.base_layers == image.manifest.layers.size();
    plan.may_be_base = plan.is_only_base && options.parent == Parent::automatic && options.subject.empty();
    const std::string machine = oci::machine_name(image.config.platform);
    plan.ref = options.ref.empty() ? concat("os/", machine, '/', options.name) : options.ref;
    check_ref_name(plan.ref);
    plan.present = repository.resolve(plan.ref);
    plan.parent = chosen_parent(repository, options);
    return plan;
}

std::string commit_parent(const ImportPlan& plan, const std::string& base,
                          const std::optional<std::string>& present) {
    if (plan.parent) return *plan.parent;
    if (!base.empty()) return base;
    return present ? *present : plan.present.value_or("");
}

}  // namespace osb::ostree
